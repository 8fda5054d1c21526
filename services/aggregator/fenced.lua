-- One write by the partition's owner that does not move its position: building a generation,
-- restoring, forgetting. KEYS[1] partition meta; ARGV: epoch, blob (msgpack) of commands, each
-- {name, index in KEYS, arguments...}. Every command here may be repeated after a crash.
-- Answers 'OK' or 'FENCED'.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'FENCED' end
for _, command in ipairs(cmsgpack.unpack(ARGV[2])) do
  redis.call(command[1], KEYS[command[2]], unpack(command, 3))
end
return 'OK'
