-- One window of a vendor, shared by all processes: what was heard of it is taken in, then a wish is
-- granted or refused. One hash per window; times are Redis' own, in milliseconds.
--
--   quota, ends, length   the window as the vendor tells it; is_open 0: over, and no reply told of the next
--   used                  calls granted in it;  outside: calls of others who share it (the store's other apps)
--   allowed, tried_at     how many may go while it is not known
--   shut                  until when nothing goes (a 429);  margin: how much too early its ends prove to be
--   w0 w1 w2, d0 d1 d2    calls per class that were told to come in a later window, and in this one
--
-- ARGV: heard left quota rest shut calls takes rank reserve max_wait leaves_percent
local SAME_WINDOW, COLD, RETRY_MS, MARGIN_STEP, MARGIN_MAX = 1500, 16, 1000, 200, 1500
local WINDOWS_MAX, EXPIRE_MS, POLL_MS = 30, 3600000, 40
local FIELDS = { 'quota', 'ends', 'length', 'is_open', 'used', 'outside', 'allowed', 'tried_at', 'shut', 'margin',
  'turned', 'w0', 'w1', 'w2', 'd0', 'd1', 'd2' }

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local heard, left, told_quota, rest, shut_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local calls, takes, rank = tonumber(ARGV[6]), ARGV[7] == '1', tonumber(ARGV[8])
local reserve, max_wait, leaves_percent = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])

local raw = redis.call('HMGET', KEYS[1], unpack(FIELDS))
local s = {}
for i, name in ipairs(FIELDS) do s[name] = tonumber(raw[i]) or 0 end
if s.quota == 0 and s.allowed == 0 then s.allowed = COLD end

-- The window is over: those who were told to come next have the next one, highest class first.
local function roll()
  if s.is_open == 0 or now < s.ends + s.margin then return end
  local spare = s.quota - s.used - s.outside
  s.is_open, s.used, s.outside, s.tried_at = 0, 0, 0, 0
  s.allowed = math.max(1, spare)
  local room, is_idle = s.quota, now > s.ends + s.length
  for class = 0, 2 do
    local w, d = 'w' .. class, 'd' .. class
    s[d] = is_idle and 0 or math.min(s[w], room)
    s[w] = is_idle and 0 or s[w] - s[d]
    room = room - s[d]
  end
end

local function learn()
  local ends = now + rest
  local is_same = s.is_open == 1 and math.abs(ends - s.ends) <= SAME_WINDOW
  -- A late reply of an earlier window says nothing of this one.
  local scatter = s.is_open == 0 and math.min(SAME_WINDOW, s.length / 2) or 0
  if not is_same and s.quota > 0 and ends <= s.ends + scatter then return end
  if not is_same and s.is_open == 1 then s.used, s.outside = 0, 0 end
  -- Another size of the window: what was made of the old one's figures says nothing any more.
  if told_quota >= 0 and told_quota ~= s.quota then s.outside = 0 end
  s.quota = told_quota >= 0 and told_quota or math.max(s.quota, left)
  -- Whole seconds make an end look up to a second late, never early: the earliest is the nearest.
  s.ends = is_same and math.min(s.ends, ends) or ends
  s.length = is_same and math.max(s.length, rest) or rest
  s.is_open = 1
  s.outside = math.max(s.outside, s.quota - left - s.used)
end

roll()
if heard == '1' then learn() end
if shut_ms > 0 then
  -- Refused although the old window should be over: its ends are told too early.
  if s.is_open == 0 and s.quota > 0 then s.margin = math.min(s.margin + MARGIN_STEP, MARGIN_MAX) end
  s.shut = math.max(s.shut, now + shut_ms)
  s.turned = 0
end

local function granted(is_first)
  if takes then
    s.used = s.used + calls
    s['d' .. rank] = math.max(0, s['d' .. rank] - calls)
  end
  return { 1, is_first, 0 }
end

-- Refused for longer than the caller waits: a place in the line, so that those who come back come one
-- after the other, in the window that has room for them.
local function refused(wait, quota)
  if wait <= max_wait then return { 0, 0, math.max(wait, 1) } end
  local ahead = 0
  for class = 0, rank do ahead = ahead + s['w' .. class] end
  s['w' .. rank] = s['w' .. rank] + calls
  local windows = math.min(math.floor(ahead / quota), WINDOWS_MAX)
  return { 0, 0, wait + windows * s.length + math.floor((ahead % quota) / quota * s.length / 2) }
end

local function decide()
  if now < s.shut then
    s.turned = s.turned + 1
    return { 0, 0, s.shut - now + math.floor(s.turned % 64 / 64 * math.min(s.shut - now, 10000)) }
  end
  if s.is_open == 0 then
    -- A vendor that tells no window is asked at a steady, low rate.
    if s.quota == 0 and now - s.ends >= RETRY_MS then s.used, s.ends = 0, now end
    if s.quota > 0 and now > s.ends + s.margin + s.length then s.allowed = math.max(s.allowed, s.quota) end
    local is_stuck = now - s.tried_at >= RETRY_MS
    if not takes or s.used + calls <= s.allowed or is_stuck then
      if takes then s.tried_at = now end
      return granted(1)
    end
    return { 0, 0, POLL_MS }
  end
  local free = s.quota - s.used - s.outside - math.min(reserve, math.floor(s.quota / 10))
  local wanted = math.max(1, math.min(calls, math.floor(s.quota / 4)))
  local to_end = math.max(1, s.ends + s.margin - now)
  if free < wanted then return refused(to_end, s.quota) end
  local due, later = 0, 0
  for class = 0, rank - 1 do due, later = due + s['d' .. class], later + s['w' .. class] end
  if rank > 0 and (later > 0 or free - due < wanted) then return refused(to_end, s.quota) end
  local share = s.quota * leaves_percent / 100
  local rest_ms = math.max(0, s.ends - now)
  if free - share * rest_ms / math.max(1, s.length) >= wanted then return granted(0) end
  -- Only what is left to more urgent work is in the way; it shrinks towards the window's end.
  local until_end = (free - wanted) * s.length / share
  return refused(math.max(1, math.min(to_end, math.ceil(rest_ms - until_end))), s.quota)
end

local answer = calls > 0 and decide() or { 1, 0, 0 }
local flat = {}
for _, name in ipairs(FIELDS) do
  flat[#flat + 1] = name
  flat[#flat + 1] = string.format('%.0f', s[name])
end
redis.call('HSET', KEYS[1], unpack(flat))
redis.call('PEXPIRE', KEYS[1], EXPIRE_MS)
return answer
