-- KEYS[1]: the record.
local base, key, was, write, bytes, expires = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
-- Names come with a sign before them: `-` alone is none.
local queue = string.sub(ARGV[7], 1, 1) == '+' and string.sub(ARGV[7], 2)
local group = string.sub(ARGV[9], 1, 1) == '+' and string.sub(ARGV[9], 2)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local is = redis.call('HMGET', KEYS[1], 'version', 'expires', 'queue', 'group', 'write')
if is[1] and tonumber(is[2]) <= now then
    redis.call('DEL', KEYS[1])
    is = {}
end
local version = string.format('%.0f', tonumber(was) + 1)
if is[1] == version and is[5] == write then
    -- It was done already; the answer was lost on its way.
    return 'done'
end
if (is[1] or '0') ~= was then
    return 'stale'
end

local function leave()
    if is[3] and is[3] ~= queue then
        redis.call('ZREM', base .. 'due:' .. is[3], key)
    end
    if is[4] and is[4] ~= group then
        redis.call('ZREM', base .. 'group:' .. is[4], key)
    end
end

if expires <= now then
    queue, group = false, false
    redis.call('DEL', KEYS[1])
    leave()
    return 'done'
end
local members = group and base .. 'group:' .. group
local replaces = ARGV[11] == 'replace'
if group and is[4] ~= group and not replaces
    and redis.call('ZCOUNT', members, '(' .. string.format('%.0f', now), '+inf') >= tonumber(ARGV[10]) then
    return 'full'
end

-- What a full server may refuse comes first: after that it lets a script do all of it.
redis.call('HSET', KEYS[1], 'version', version, 'bytes', bytes, 'expires', ARGV[6], 'write', write)
redis.call('PEXPIREAT', KEYS[1], ARGV[6])
leave()
if queue then
    redis.call('HSET', KEYS[1], 'queue', queue)
    redis.call('ZADD', base .. 'due:' .. queue, ARGV[8], key)
elseif is[3] then
    redis.call('HDEL', KEYS[1], 'queue')
end
if group then
    redis.call('HSET', KEYS[1], 'group', group)
    redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
    redis.call('ZADD', members, ARGV[6], key)
    local last = redis.call('ZREVRANGE', members, 0, 0, 'WITHSCORES')
    redis.call('PEXPIREAT', members, string.format('%.0f', tonumber(last[2])))
elseif is[4] then
    redis.call('HDEL', KEYS[1], 'group')
end
local over = group and replaces and is[4] ~= group and math.min(redis.call('ZCARD', members) - tonumber(ARGV[10]), tonumber(ARGV[12])) or 0
if over > 0 then
    -- One more than have to go: this one may be among them.
    for _, other in ipairs(redis.call('ZRANGE', members, 0, over)) do
        if other ~= key and over > 0 then
            over = over - 1
            local waits = redis.call('HGET', base .. 'k:' .. other, 'queue')
            if waits then
                redis.call('ZREM', base .. 'due:' .. waits, other)
            end
            redis.call('DEL', base .. 'k:' .. other)
            redis.call('ZREM', members, other)
        end
    end
end
return 'done'
