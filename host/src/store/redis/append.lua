-- KEYS[1]: the stream.
local number, entry, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local old = redis.call('ZRANGEBYSCORE', KEYS[1], number, number)
redis.call('ZADD', KEYS[1], number, entry)
for _, other in ipairs(old) do
    if other ~= entry then
        redis.call('ZREM', KEYS[1], other)
    end
end
if redis.call('PTTL', KEYS[1]) < ttl then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
