"""Waits for one lock by the protocol of redis-lock-py 0.x: SET NX EX, and an "ok" on the channel of the lock."""
import sys

import redis

url, name = sys.argv[1:]
client = redis.Redis.from_url(url)


def take():
    return client.set(name, "a token of its own", nx=True, ex=30)


pubsub = client.pubsub(ignore_subscribe_messages=True)
pubsub.subscribe(f"rlock-channel:{name}")
# The confirmation of the subscription.
pubsub.get_message(timeout=5)
print("busy" if not take() else "taken at once", flush=True)
while True:
    message = pubsub.get_message(timeout=30)
    if message and message["data"] == b"ok":
        print("taken" if take() else "busy", flush=True)
        break
