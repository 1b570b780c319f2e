-- KEYS[1]: the names. Gives keys, each followed by its value, or by an empty list if it has expired.
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, ARGV[4])) do
    local value = redis.call('GET', ARGV[1] .. 'k:' .. key)
    table.insert(found, key)
    table.insert(found, value and { value } or {})
end
return found
