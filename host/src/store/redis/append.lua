-- KEYS[1]: the stream.
local number, entry, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], number, number)
redis.call('ZADD', KEYS[1], number, entry)
if redis.call('PTTL', KEYS[1]) < ttl then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
