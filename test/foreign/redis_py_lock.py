"""Takes and releases locks of redis-py as it is told: one JSON object a line, answered by one."""
import json
import sys

import redis

client = redis.Redis.from_url(sys.argv[1])
ask_each = float(sys.argv[2])
holds = {}

for line in sys.stdin:
    order = json.loads(line)
    try:
        if order["do"] == "take":
            lock = client.lock(order["name"], timeout=order["ttl"], sleep=ask_each)
            done = lock.acquire(blocking_timeout=order["wait"])
            if done:
                holds[order["hold"]] = lock
        else:
            holds.pop(order["hold"]).release()
            done = True
        answer = {"done": done}
    except redis.exceptions.RedisError as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
