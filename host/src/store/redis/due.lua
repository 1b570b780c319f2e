-- KEYS[1]: the queue.
local base, queue, by, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
while #found < limit do
    -- Those that were found stay before the others.
    local keys = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', by, 'LIMIT', #found, math.min(limit - #found, 100))
    if #keys == 0 then
        break
    end
    for _, key in ipairs(keys) do
        local is = redis.call('HMGET', base .. 'k:' .. key, 'expires', 'queue')
        if is[1] and tonumber(is[1]) > now and is[2] == queue then
            table.insert(found, key)
        else
            -- It has expired, and may be another by now.
            redis.call('ZREM', KEYS[1], key)
        end
    end
end
return found
