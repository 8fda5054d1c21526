-- The fence: state and position in the log change together, or not at all.
-- KEYS[1] is the partition's meta; the blob names every other key by its index in KEYS.
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
local generations, increments, sets, drops = blob[1], blob[2], blob[3], blob[4]
local maxima, changes, outbox, moves = blob[5], blob[6], blob[7], blob[8]
local LIMIT, EXACT = 4611686018427387904, 4503599627370496

for _, check in ipairs(generations) do
  local live = redis.call('HGET', KEYS[check[1]], 'live') or ''
  if live ~= check[2] then return {'STALE', next_offset} end
end

local function hash_or_nothing(key)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= 'hash' then error({err = 'ERR ' .. key .. ' is a ' .. kind}) end
end
for _, set in ipairs(sets) do hash_or_nothing(KEYS[set[1]]) end
for _, drop in ipairs(drops) do hash_or_nothing(KEYS[drop[1]]) end
for _, max in ipairs(maxima) do hash_or_nothing(KEYS[max[1]]) end

-- Integers stay strings unless both are far below 2^53. plan[i] = {fields to set, to delete, to add
-- by Redis itself, whether the hash may be new}.
local call, find, format, abs = redis.call, string.find, string.format, math.abs
local plan = {}
for i, inc in ipairs(increments) do
  local key, names, deltas = KEYS[inc[1]], inc[3], inc[4]
  local held = call('HMGET', key, unpack(names))
  local put, gone, add, fresh, n = {}, nil, nil, true, 0
  for j = 1, #names do
    local current = held[j]
    if current then
      fresh = false
      if #current > 20 or not find(current, '^%-?%d+$') then
        return redis.error_reply('ERR ' .. key .. ' ' .. names[j] .. ' is not an integer')
      end
    end
    local a, b = tonumber(current or 0), tonumber(deltas[j])
    local sum = a + b
    if abs(sum) >= LIMIT then
      return redis.error_reply('ERR ' .. key .. ' ' .. names[j] .. ' would pass 2^62')
    end
    if abs(a) >= EXACT or abs(b) >= EXACT then
      add = add or {}
      add[#add + 1] = j
    elseif sum == 0 then
      gone = gone or {}
      gone[#gone + 1] = names[j]
    else
      put[n + 1] = names[j]
      -- A delta onto nothing is its own sum, a string already.
      put[n + 2] = current and format('%.0f', sum) or deltas[j]
      n = n + 2
    end
  end
  plan[i] = {put, gone, add, fresh}
end

for i, inc in ipairs(increments) do
  local key, step = KEYS[inc[1]], plan[i]
  if #step[1] > 0 then call('HSET', key, unpack(step[1])) end
  if step[2] then call('HDEL', key, unpack(step[2])) end
  for _, j in ipairs(step[3] or {}) do
    call('HINCRBY', key, inc[3][j], inc[4][j])
    if call('HGET', key, inc[3][j]) == '0' then call('HDEL', key, inc[3][j]) end
  end
  if step[4] and inc[2] ~= '0' then call('PEXPIREAT', key, inc[2]) end
end
for _, set in ipairs(sets) do redis.call('HSET', KEYS[set[1]], unpack(set[2])) end
for _, drop in ipairs(drops) do redis.call('HDEL', KEYS[drop[1]], unpack(drop[2])) end
for _, max in ipairs(maxima) do
  local held = redis.call('HGET', KEYS[max[1]], max[2])
  if not held or tonumber(held) < tonumber(max[3]) then
    redis.call('HSET', KEYS[max[1]], max[2], max[3])
  end
end
for _, move in ipairs(moves) do redis.call('SADD', KEYS[move[1]], move[2]) end
for _, letter in ipairs(outbox) do redis.call('XADD', KEYS[letter[1]], '*', 'l', letter[2]) end
for _, entry in ipairs(changes) do
  redis.call('XADD', KEYS[entry[1]], 'MAXLEN', '~', '20000', '*', unpack(entry[2]))
end
redis.call('HSET', meta, 'next:' .. ARGV[3], ARGV[5])
return {'OK', ARGV[5]}
