local key, was, value = ARGV[6], ARGV[7] == 'is' and ARGV[8], ARGV[9]
local is = redis.call('HGET', KEYS[1], key)
if is ~= was then
    return is and { 'not', is } or { 'not' }
end
return change({ { key = key, value = value } }, '')
