// Made from the .lua files beside it by `npm run build`; do not edit.

/** From acquire.lua. */
export const acquire = "local token, ttl = ARGV[1], ARGV[2]\nlocal lock, counter = KEYS[1], KEYS[2]\nlocal value = redis.call(\"GET\", lock)\nif value and value ~= token and value ~= token .. \"+\" then\nreturn {\"busy\", redis.call(\"PTTL\", lock), \"\"}\nend\nlocal fence = \"\"\nif counter then\nlocal last = redis.call(\"GET\", counter)\nif value and last then\nfence = last\nelse\nlocal time = redis.call(\"TIME\")\nlocal now = tonumber(time[1]) * 1000000 + tonumber(time[2])\nfence = string.format(\"%.0f\", math.max((tonumber(last) or 0) + 1, now))\nredis.call(\"SET\", counter, fence, \"PX\", \"86400000\")\nend\nend\nif value then\nreturn {\"granted\", redis.call(\"PTTL\", lock), fence}\nend\nredis.call(\"SET\", lock, token, \"NX\", \"PX\", ttl)\nreturn {\"granted\", tonumber(ttl), fence}"

/** From extend.lua. */
export const extend = "local token, ttl = ARGV[1], ARGV[2]\nlocal value = redis.call(\"GET\", KEYS[1])\nif value == token or value == token .. \"+\" then\nredis.call(\"PEXPIRE\", KEYS[1], ttl, \"GT\")\nreturn \"renewed\"\nend\nreturn value and \"taken\" or \"gone\""

/** From look.lua. */
export const look = "local token = ARGV[1]\nlocal value = redis.call(\"GET\", KEYS[1])\nif value == token or value == token .. \"+\" then\nreturn {\"held\", redis.call(\"PTTL\", KEYS[1])}\nend\nreturn {value and \"taken\" or \"gone\", 0}"

/** From release.lua. */
export const release = "local token = ARGV[1]\nlocal value = redis.call(\"GET\", KEYS[1])\nif value == token or value == token .. \"+\" then\nredis.call(\"DEL\", KEYS[1])\nreturn \"released\"\nend\nreturn value and \"taken\" or \"gone\""
