-- KEYS[1]: the value.
local base, key, value, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if ttl < 1 then
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', base .. 'names', key)
    redis.call('ZREM', base .. 'expiry', key)
    return
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], value, 'PX', ARGV[4])
redis.call('ZADD', base .. 'names', 0, key)
redis.call('ZADD', base .. 'expiry', now + ttl, key)
-- Who comes takes away more than it brings.
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', base .. 'expiry', '-inf', now, 'LIMIT', 0, 10)) do
    redis.call('ZREM', base .. 'expiry', gone)
    redis.call('ZREM', base .. 'names', gone)
end
