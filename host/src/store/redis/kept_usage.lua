-- KEYS[1]: the values, KEYS[2]: their bytes.
return { redis.call('HLEN', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or '0') }
