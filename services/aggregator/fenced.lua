-- One write by the partition's owner that does not move its position: building a generation,
-- restoring, forgetting. KEYS[1] partition meta; ARGV: epoch, blob (msgpack) of commands, each
-- {name, index in KEYS, arguments...}. Every command here may be repeated after a crash.
-- EXPECT is no command of Redis: {'EXPECT', index, field, value} asks for the state that the
-- commands after it are meant for. Answers 'OK', 'FENCED' or 'STALE'.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'FENCED' end
for _, command in ipairs(cmsgpack.unpack(ARGV[2])) do
  if command[1] ~= 'EXPECT' then
    redis.call(command[1], KEYS[command[2]], unpack(command, 3))
  elseif (redis.call('HGET', KEYS[command[2]], command[3]) or '') ~= command[4] then
    return 'STALE'
  end
end
return 'OK'
