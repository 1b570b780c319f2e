local key, delta = ARGV[6], ARGV[7]
local is = redis.call('HGET', KEYS[1], key) or '0'
local sign, digits = string.match(is, '^([+-]?)(%d+)$')
if not digits then
    return { 'no number' }
end
digits = string.gsub(digits, '^0+(%d)', '%1')
-- Numbers of Lua have 53 bits; those of the server have 64.
redis.call('SET', base .. 'sum', (sign == '-' and digits ~= '0') and '-' .. digits or digits)
local added = redis.pcall('INCRBY', base .. 'sum', delta)
local sum = redis.call('GET', base .. 'sum')
redis.call('DEL', base .. 'sum')
if type(added) == 'table' and added.err then
    return { 'no number' }
end
return change({ { key = key, value = sum } }, sum)
