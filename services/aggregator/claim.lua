-- Takes a partition: a new epoch that fences every earlier owner, and the position to read on from.
-- KEYS[1] partition meta. ARGV: incarnation, topic, an epoch that no owner had, adopt.
-- adopt '1': follow the log to another incarnation (position 0 under it); '0': leave it as it is.
-- Answers {epoch, next_offset, incarnation held before ('' = none), restoring ('' = no)}.
local meta = KEYS[1]
local state = redis.call('HMGET', meta, 'epoch', 'incarnation', 'next:' .. ARGV[2], 'restoring')
local before = state[2] or ''
local epoch = ARGV[3]
if state[1] and tonumber(state[1]) >= tonumber(epoch) then
  -- Added by Redis itself: an epoch has more digits than a double.
  redis.call('HINCRBY', meta, 'epoch', 1)
  epoch = redis.call('HGET', meta, 'epoch')
else
  redis.call('HSET', meta, 'epoch', epoch)
end
local position = state[3] or '0'
if ARGV[4] == '1' and before ~= ARGV[1] then
  position = '0'
  if before ~= '' then
    local told = redis.call('HMGET', meta, 'facts:crm.events', 'facts:crm.backfill')
    local left = {before, told[1] or '', told[2] or ''}
    redis.call('HSET', meta, 'left', cjson.encode(left))
  end
  -- Another log: none of its lanes has been counted.
  for _, field in ipairs(redis.call('HKEYS', meta)) do
    if string.sub(field, 1, 5) == 'next:' then redis.call('HSET', meta, field, '0') end
    if string.sub(field, 1, 6) == 'facts:' then redis.call('HDEL', meta, field) end
  end
  redis.call('HSET', meta, 'incarnation', ARGV[1], 'next:' .. ARGV[2], position)
end
return {epoch, position, before, state[4] or ''}
