/**
 * Settles an entry, if it is still held in the attempt that says so: what somebody else has taken by now is
 * left alone. Answers 1 if it was.
 *
 * KEYS: the stream; where dead letters go. ARGV: group, consumer, id, attempt, what to do, and more for that.
 */
export const settle = `
local stream, group, consumer, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local held = redis.call('XPENDING', stream, group, id, id, 1)[1]
if not held or held[2] ~= consumer or held[4] ~= tonumber(ARGV[4]) then return 0 end
local what = ARGV[5]
if what == 'extend' then
  redis.call('XCLAIM', stream, group, consumer, 0, id, 'IDLE', 0, 'JUSTID')
elseif what == 'release' then
  redis.call('XCLAIM', stream, group, ARGV[6], 0, id, 'IDLE', ARGV[7], 'RETRYCOUNT', ARGV[8], 'JUSTID')
else
  if what == 'copy' or what == 'move' then
    redis.call('XADD', KEYS[2], '*', 'error', ARGV[6], 'stream', stream, 'id', id, unpack(ARGV, 7))
  end
  redis.call('XACK', stream, group, id)
  if what == 'remove' or what == 'move' then redis.call('XDEL', stream, id) end
end
return 1`;

/**
 * Settles an entry that is done, and deletes it: at once, since one that was acked by a process that died then would
 * stay for ever. KEYS: the stream. ARGV: group, id.
 */
export const ackAndDelete = `
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return redis.call('XDEL', KEYS[1], ARGV[2])`;
