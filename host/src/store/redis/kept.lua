-- What changes kept values begins with this. KEYS[1]: the values of the space.
local base, operation, keys_max, bytes_max = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

-- What came of this operation if it was done already, and the answer was lost on its way.
local done = redis.call('GET', base .. 'done:' .. operation)
if done then
    return { 'done', done }
end

-- Makes all changes, if they are within the bounds. `value` is false where a key is to go.
local function change(changes, answer)
    local keys, bytes = redis.call('HLEN', KEYS[1]), tonumber(redis.call('GET', base .. 'bytes') or '0')
    local keys_after, bytes_after = keys, bytes
    for _, change in ipairs(changes) do
        if redis.call('HEXISTS', KEYS[1], change.key) == 1 then
            keys_after = keys_after - 1
            bytes_after = bytes_after - #change.key - redis.call('HSTRLEN', KEYS[1], change.key)
        end
        if change.value then
            keys_after = keys_after + 1
            bytes_after = bytes_after + #change.key + #change.value
        end
    end
    if keys_after > keys_max and keys_after > keys then
        return { 'keys' }
    end
    if bytes_after > bytes_max and bytes_after > bytes then
        return { 'bytes' }
    end
    -- First what the server may refuse for want of memory: it then has changed nothing.
    redis.call('SET', base .. 'bytes', string.format('%.0f', bytes_after))
    for _, change in ipairs(changes) do
        if change.value then
            redis.call('HSET', KEYS[1], change.key, change.value)
            redis.call('ZADD', base .. 'names', 0, change.key)
        else
            redis.call('HDEL', KEYS[1], change.key)
            redis.call('ZREM', base .. 'names', change.key)
        end
    end
    redis.call('SET', base .. 'done:' .. operation, answer, 'PX', ARGV[5])
    return { 'done', answer }
end

