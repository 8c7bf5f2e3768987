-- One room in Redis, by the clock of Redis: what it does is pycall/core/room.py, function by function and under the
-- same names. tests/server/nodes plays the same stories to both. nodes.lua follows, with what is asked for.

local ROOM = "pycall:room:"           -- and a room's name: the room, in MessagePack
local KEPT = "pycall:kept:"           -- and a slot of a room: the messages its seat's owner may want again, oldest first
local DEADLINES = "pycall:deadlines"  -- rooms by when something of theirs must be given up
local OCCUPANCY = "pycall:occupancy"  -- how many rooms and members
local AT = "pycall:at:"               -- and a node: the rooms in which somebody is connected to it

local LIFETIME_S = 86400              -- of keys that nobody touches: they are left behind by nodes that are no more

local SEATS, RENEWALS, RENEWAL_S = 2, 3, 1.0
local MAX_MESSAGES, MAX_BYTES = 64, 128 * 1024

local exclusive_s, total_s, messages_s = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call("TIME")
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local orders = {}  -- each a room's name, the kind, the connection it is for, and what belongs to it

local function node_of(connection)
  return string.match(connection, "^([^.]*)%.") or ""
end

local function nodes_of(room)
  local found = {}
  for _, seat in ipairs(room.seats) do
    if seat.connection then found[node_of(seat.connection)] = true end
  end
  return found
end

local function load(name)
  local packed = redis.call("GET", ROOM .. name)
  local room = packed and cmsgpack.unpack(packed) or { epoch = 0, paired = false, seats = {} }
  room.name = name
  room.was = { members = #room.seats, nodes = nodes_of(room) }
  return room
end

local function kept_in(room, seat)
  return KEPT .. seat.slot .. ":" .. room.name
end

local function drop(room, seat, oldest)
  if oldest == 0 then return end
  for _ = 1, oldest do
    seat.size = seat.size - table.remove(seat.kept, 1).size
  end
  if #seat.kept == 0 then
    redis.call("DEL", kept_in(room, seat))
  else
    redis.call("LTRIM", kept_in(room, seat), oldest, -1)
  end
end

local function forget(room, seat)
  local old = 0
  while seat.kept[old + 1] and seat.kept[old + 1].at <= now - messages_s do old = old + 1 end
  drop(room, seat, old)
end

local function clear(room, seat)
  drop(room, seat, #seat.kept)
end

local function add(room, seat, text)
  seat.count = seat.count + 1
  seat.size = seat.size + #text
  table.insert(seat.kept, { size = #text, at = now })
  redis.call("RPUSH", kept_in(room, seat), text)
  redis.call("EXPIRE", kept_in(room, seat), math.ceil(2 * messages_s) + 1)
  local size, first = seat.size, 1
  while size > MAX_BYTES or #seat.kept - first + 1 > MAX_MESSAGES do
    size = size - seat.kept[first].size
    first = first + 1
  end
  drop(room, seat, first - 1)
  return seat.count
end

local function deadline(room)
  local soonest
  local function consider(at)
    if not soonest or at < soonest then soonest = at end
  end
  for _, seat in ipairs(room.seats) do
    if not seat.connection then consider(seat.absent_since + total_s) end
    if #seat.kept > 0 then consider(seat.kept[#seat.kept].at + messages_s) end
  end
  return soonest
end

local function save(room)
  local name, was = room.name, room.was
  local nodes = nodes_of(room)
  room.name, room.was = nil, nil
  if #room.seats > 0 then
    local at = deadline(room)
    if at and not (room.alarm and room.alarm <= at) then  -- one that is looked at earlier sets its next alarm then
      room.alarm = at
      redis.call("ZADD", DEADLINES, at, name)
    end
    redis.call("SET", ROOM .. name, cmsgpack.pack(room), "EX", LIFETIME_S)
  elseif was.members > 0 then
    redis.call("DEL", ROOM .. name)
    redis.call("ZREM", DEADLINES, name)
  end
  for each in pairs(nodes) do
    if each ~= "" and not was.nodes[each] then redis.call("SADD", AT .. each, name) end
  end
  for each in pairs(was.nodes) do
    if each ~= "" and not nodes[each] then redis.call("SREM", AT .. each, name) end
  end
  if #room.seats ~= was.members then
    redis.call("HINCRBY", OCCUPANCY, "members", #room.seats - was.members)
    if #room.seats == 0 then redis.call("HINCRBY", OCCUPANCY, "rooms", -1) end
    if was.members == 0 then redis.call("HINCRBY", OCCUPANCY, "rooms", 1) end
  end
end

local function tell(room, kind, to, ...)
  table.insert(orders, { room.name, kind, to, ... })
end

local function seat_of(room, connection)
  for _, seat in ipairs(room.seats) do
    if seat.connection == connection then return seat end
  end
end

local function other_than(room, seat)
  for _, other in ipairs(room.seats) do
    if other ~= seat then return other end
  end
end

local function number(whole)
  return string.format("%.0f", whole)  -- JSON is written with 14 digits here
end

local function member(seat)
  return { seat.id, seat.display, seat.extended }
end

local function count_up(room)
  room.epoch = room.epoch + 1
  for _, seat in ipairs(room.seats) do clear(room, seat) end
end

local function absent_for(seat)
  return seat.connection and 0.0 or now - seat.absent_since
end

local function vacate(room, gone, reason)
  local other, knew = other_than(room, gone), room.paired
  clear(room, gone)
  room.paired = false
  room.seats = { other }
  if not other then return end
  clear(room, other)
  if knew and other.connection then tell(room, "bye", other.connection, gone.id, reason) end
end

local function send_joined(room, seat, resumed)
  local other = room.paired and other_than(room, seat)
  local peer, offers = false, false
  if other then peer, offers = member(other), seat.offers end
  tell(room, "joined", seat.connection, seat.id, number(room.epoch), peer, offers, resumed)
end

local function welcome(room, came, resumed)
  local other = other_than(room, came)
  if room.paired or not other or not other.connection then
    send_joined(room, came, resumed)
    return
  end
  room.paired = true
  came.offers, other.offers = false, true
  count_up(room)
  send_joined(room, came, resumed)
  tell(room, "other_joined", other.connection, member(came), number(room.epoch))
end

local function resume(room, seat, connection, received)
  if seat.connection then tell(room, "dismiss", seat.connection) end
  seat.connection = connection
  welcome(room, seat, true)
  if not received then return end
  forget(room, seat)
  local texts = redis.call("LRANGE", kept_in(room, seat), 0, -1)
  for index, text in ipairs(texts) do
    local its = seat.count - #texts + index
    if its > received then tell(room, "relay", connection, text, number(its)) end
  end
end

local function seat_newcomer(room, who, connection, received)
  if #room.seats == SEATS then
    local longest = room.seats[1]
    if absent_for(room.seats[2]) > absent_for(longest) then longest = room.seats[2] end
    if longest.connection or absent_for(longest) < exclusive_s then
      tell(room, "full", connection)
      return
    end
    vacate(room, longest, "lost")
  end
  local there = room.seats[1]
  local taken = {
    id = who.id, display = who.display, extended = who.extended, connection = connection, offers = false, heard = 0,
    slot = there and 3 - there.slot or 1, count = received or 0, size = 0, kept = {},
  }
  table.insert(room.seats, taken)
  welcome(room, taken, false)
end

local function join(room, connection, who, received)
  local seat = seat_of(room, connection)
  if seat then
    send_joined(room, seat, true)
    return
  end
  for _, its in ipairs(room.seats) do
    if its.extended and its.id == who.id then
      resume(room, its, connection, received)
      return
    end
  end
  if who.admitted then
    seat_newcomer(room, who, connection, received)
  else
    tell(room, "full", connection)
  end
end

local function leave(room, connection)
  local seat = seat_of(room, connection)
  if not seat then return end
  tell(room, "left", connection, seat.id)
  vacate(room, seat, "left")
end

local function lose(room, connection, since)
  local seat = seat_of(room, connection)
  if not seat then return end
  if not seat.extended then
    vacate(room, seat, "lost")
    return
  end
  seat.connection, seat.absent_since = nil, since
end

local function pass_on(room, connection, text, its)
  local seat = seat_of(room, connection)
  if not seat or (0 < its and its <= seat.heard) then return end
  if its > 0 then seat.heard = its end
  local other = other_than(room, seat)
  if not other or not room.paired then return end
  local count = 0
  if other.extended then
    forget(room, other)
    count = add(room, other, text)
  end
  if other.connection then tell(room, "relay", other.connection, text, number(count)) end
end

local function renew(room, connection, epoch)
  if not seat_of(room, connection) or not room.paired or epoch ~= room.epoch then return end
  for _, seat in ipairs(room.seats) do
    if not seat.extended then return end
  end
  if room.spent_until and now < room.spent_until - (RENEWALS - 1) * RENEWAL_S then return end
  room.spent_until = math.max(now, room.spent_until or now) + RENEWAL_S
  count_up(room)
  for _, seat in ipairs(room.seats) do
    if seat.connection then tell(room, "renewed", seat.connection, number(room.epoch)) end
  end
end

local function expire(room)
  room.alarm = nil
  redis.call("ZREM", DEADLINES, room.name)
  for _, seat in ipairs({ unpack(room.seats) }) do
    forget(room, seat)
    if not seat.connection and now >= seat.absent_since + total_s then vacate(room, seat, "lost") end
  end
end
