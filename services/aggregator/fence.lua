-- The fence: state and position in the log change together, or not at all.
-- KEYS[1] is the partition's meta; every key that the blob names has its hash tag.
-- ARGV: epoch, incarnation, topic, from, to, log_start, blob (msgpack).
-- Answers {code, next_offset}; see services/aggregator/fence.py for the codes.
-- Redis does not roll a script back: everything is read and checked before the first write.
local meta = KEYS[1]
local state = redis.call('HMGET', meta, 'epoch', 'incarnation', 'next:' .. ARGV[3])
local next_offset = state[3] or '0'
if state[1] ~= ARGV[1] then return {'FENCED', next_offset} end
if state[2] ~= ARGV[2] then return {'REBORN', next_offset} end
local from, expected = tonumber(ARGV[4]), tonumber(next_offset)
if from ~= expected then
  if tonumber(ARGV[6]) > expected then return {'LOST', next_offset} end
  if from > expected then return {'GAP', next_offset} end
  return {'STALE', next_offset}
end

local blob = cmsgpack.unpack(ARGV[7])
local generations, increments, sets, maxima = blob[1], blob[2], blob[3], blob[4]
local changes, outbox, members, facts, gone = blob[5], blob[6], blob[7], blob[8], blob[9]
local touched, due, done = blob[10], blob[11], blob[12]
local LIMIT, EXACT = 4611686018427387904, 4503599627370496
local call, find, format = redis.call, string.find, string.format

for _, check in ipairs(generations) do
  if (call('HGET', check[1], check[3] or 'live') or '') ~= check[2] then
    return {'STALE', next_offset}
  end
end

local looked_at = {}
local function must_be(wanted, key)
  if looked_at[key] then return end
  looked_at[key] = true
  local kind = call('TYPE', key).ok
  if kind ~= 'none' and kind ~= wanted then error({err = 'ERR ' .. key .. ' is a ' .. kind}) end
end
for _, set in ipairs(sets) do must_be('hash', set[1]) end
for _, member in ipairs(members) do must_be('set', member[1]) end
for _, one in ipairs(gone) do must_be('hash', one[1]) end
for _, letter in ipairs(outbox) do must_be('stream', letter[1]) end
for _, entry in ipairs(changes) do must_be('stream', entry[1]) end
for _, one in ipairs(touched) do must_be('hash', one[1]) must_be('zset', one[3]) end
for _, one in ipairs(due) do must_be('zset', one[1]) end
for _, one in ipairs(done) do must_be('zset', one[1]) end
for _, entry in ipairs(facts) do must_be('stream', entry[1]) end
local grown = {}
for i, max in ipairs(maxima) do
  local held = call('HGET', max[1], max[2])
  if held and not tonumber(held) then
    return redis.error_reply('ERR ' .. max[1] .. ' ' .. max[2] .. ' is not a number')
  end
  grown[i] = not held or tonumber(held) < tonumber(max[3])
end

-- sums[i]: what the field will hold, or false where only Redis itself can add: a double holds
-- integers to 2^53, so both sides must be far below. fresh[i]: the field is new.
local sums, fresh = {}, {}
for i = 1, #increments, 4 do
  local key, name, delta = increments[i], increments[i + 1], increments[i + 2]
  local held = call('HGET', key, name)
  if not held then
    if #delta > 18 and (tonumber(delta) >= LIMIT or tonumber(delta) <= -LIMIT) then
      return redis.error_reply('ERR ' .. key .. ' ' .. name .. ' would pass 2^62')
    end
    sums[i], fresh[i] = delta, true
  else
    -- HINCRBY takes no leading zeros, and must not be the one to find out.
    if #held > 20 or not (find(held, '^%-?[1-9]%d*$') or held == '0') then
      return redis.error_reply('ERR ' .. key .. ' ' .. name .. ' is not an integer')
    end
    local a, b = tonumber(held), tonumber(delta)
    local sum = a + b
    if sum >= LIMIT or sum <= -LIMIT then
      return redis.error_reply('ERR ' .. key .. ' ' .. name .. ' would pass 2^62')
    end
    sums[i] = a < EXACT and a > -EXACT and b < EXACT and b > -EXACT and format('%.0f', sum)
  end
end

for i = 1, #increments, 4 do
  local key, name, sum = increments[i], increments[i + 1], sums[i]
  if not sum then
    call('HINCRBY', key, name, increments[i + 2])
    sum = call('HGET', key, name)
  elseif sum ~= '0' then
    call('HSET', key, name, sum)
  end
  if sum == '0' then call('HDEL', key, name) end
  if fresh[i] and increments[i + 3] ~= '0' then call('PEXPIREAT', key, increments[i + 3]) end
end
-- Lua hands at most some 8,000 arguments to one command.
for _, set in ipairs(sets) do
  for i = 1, #set[2], 4000 do
    call('HSET', set[1], unpack(set[2], i, math.min(i + 3999, #set[2])))
  end
end
for i, max in ipairs(maxima) do
  if grown[i] then call('HSET', max[1], max[2], max[3]) end
end
for _, member in ipairs(members) do call('SADD', member[1], member[2]) end
for _, one in ipairs(gone) do call('HDEL', one[1], one[2]) end
-- Owners whose numbers changed are looked at where their tenant has rules of alerts.
for _, one in ipairs(touched) do
  if call('HEXISTS', one[1], one[2]) == 1 then
    for i = 4, #one do call('ZADD', one[3], 0, one[i]) end
  end
end
for _, one in ipairs(done) do call('ZREM', one[1], one[2]) end
-- The earlier of two plans stands.
for _, one in ipairs(due) do call('ZADD', one[1], 'LT', one[2], one[3]) end
for _, letter in ipairs(outbox) do call('XADD', letter[1], '*', 'l', letter[2]) end
for _, entry in ipairs(changes) do
  call('XADD', entry[1], 'MAXLEN', '~', '20000', '*', unpack(entry[2]))
end
if #facts > 0 then
  -- Each says from where on it speaks, so that its reader sees whether one before it is missing.
  local told = 'facts:' .. ARGV[3]
  local since = '{"since":' .. (call('HGET', meta, told) or ARGV[4]) .. ','
  local left = call('HGET', meta, 'left')
  if left then
    since = since .. '"left":' .. left .. ','
    call('HDEL', meta, 'left')
  end
  for _, entry in ipairs(facts) do
    call('XADD', entry[1], '*', 'l', since .. string.sub(entry[2], 2))
  end
  call('HSET', meta, told, ARGV[5])
end
call('HSET', meta, 'next:' .. ARGV[3], ARGV[5])
return {'OK', ARGV[5]}
