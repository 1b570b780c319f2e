-- KEYS[1]: the value.
redis.call('DEL', KEYS[1])
redis.call('ZREM', ARGV[1] .. 'names', ARGV[2])
redis.call('ZREM', ARGV[1] .. 'expiry', ARGV[2])
