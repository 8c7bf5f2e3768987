-- The rooms of all nodes: one operation on them, all or nothing, by the clock of Redis.
--
-- What a room does is pycall/core/room.py, function by function and under the same names; tests/server/nodes plays
-- the same stories to both. Orders are published to the node of the connection they are for, in the order the rooms
-- gave them: whatever two nodes do at the same time, each node hears of it in the order in which it was done.
--
-- ARGV: operation, time (empty: that of Redis), time after which it is not done any more (empty: never), the
-- three times of seats.Holding, the asking node, and what the operation needs.
-- The answer is JSON: {now, due, told, full}, with told the number of the orders that the asking node was told, and
-- full whether who asked to join has no seat; or {now, due, refused}. Who is no node is answered the orders themselves.

local ROOM = "pycall:room:"           -- and a room's name: the room, in MessagePack
local KEPT = "pycall:kept:"           -- and a slot of a room: the messages its seat's owner may want again, oldest first
local DEADLINES = "pycall:deadlines"  -- rooms by when something of theirs must be given up
local OCCUPANCY = "pycall:occupancy"  -- how many rooms and members
local NODES = "pycall:nodes"          -- how often each node has beaten
local BEATEN = "pycall:beaten"        -- when each has, last
local TOLD = "pycall:told"            -- how many times orders were published to each
local AT = "pycall:at:"               -- and a node: the rooms in which somebody is connected to it
local NODE = "pycall:node:"           -- and a node: its channel
local GRAVES = "pycall:graves"        -- nodes that are no more and may have seats still
local MEMORY = "pycall:memory"        -- made by the first beat: another one tells that Redis lost everything between
local SETTLING = "pycall:settling"    -- there after that, until the nodes have told it again who is there
local SPENT = "pycall:spent:"         -- and an invite for one person: the id of who has used it

local LIFETIME_S = 86400              -- of keys that nobody touches: they are left behind by nodes that are no more

local SEATS, RENEWALS, RENEWAL_S = 2, 3, 1.0
local MAX_MESSAGES, MAX_BYTES = 64, 128 * 1024

local operation, node = ARGV[1], ARGV[7]
local exclusive_s, total_s, messages_s = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call("TIME")
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local orders = {}  -- each a room's name, the kind, the connection it is for, and what belongs to it

-- --- one room --------------------------------------------------------------------------------------------------

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

-- --- what is asked for -------------------------------------------------------------------------------------------

local answer = {}

local function is_late()
  local until_ = tonumber(ARGV[3])
  return until_ and now > until_
end

local operations = {}

-- Somewhere else its owner has come back to the seat, while the node that tells it anew could not know.
local function is_taken(room, who, connection)
  for _, seat in ipairs(room.seats) do
    if seat.extended and seat.id == who.id then return seat.connection and seat.connection ~= connection end
  end
end

function operations.join(room)
  if node ~= "" and redis.call("HEXISTS", NODES, node) == 0 then
    answer.refused = "unknown node"  -- who would give up the seat if the node ended before it is known?
  elseif ARGV[14] == "" and redis.call("EXISTS", SETTLING) == 1 then
    answer.refused = "settling"
  else
    local who = { id = ARGV[10], display = ARGV[11], extended = ARGV[12] == "1", admitted = ARGV[15] == "1" }
    if ARGV[14] ~= "" and is_taken(room, who, ARGV[9]) then
      tell(room, "dismiss", ARGV[9])
    else
      join(room, ARGV[9], who, tonumber(ARGV[13]))
      answer.full = orders[1] and orders[1][2] == "full"
    end
  end
end

function operations.leave(room) leave(room, ARGV[9]) end

function operations.lose(room) lose(room, ARGV[9], now - tonumber(ARGV[10])) end

function operations.gone(room)
  local seat = seat_of(room, ARGV[9])
  if seat then vacate(room, seat, ARGV[10]) end
end

function operations.pass_on(room) pass_on(room, ARGV[9], ARGV[10], tonumber(ARGV[11])) end

function operations.renew(room) renew(room, ARGV[9], tonumber(ARGV[10])) end

function operations.expire(room) expire(room) end

local function each_room(names, change)
  for _, name in ipairs(names) do
    local room = load(name)
    change(room)
    save(room)
  end
end

-- Up to so many of the rooms whose time has come.
local function due()
  each_room(redis.call("ZRANGEBYSCORE", DEADLINES, "-inf", now, "LIMIT", 0, tonumber(ARGV[8])), expire)
end

-- A node lives: all nodes' beats, and a word to itself by which it knows that it hears.
local function beat()
  local remembered = ARGV[8]
  local beats = redis.call("HINCRBY", NODES, node, 1)
  if beats == 1 then redis.call("SREM", GRAVES, node) end  -- it was taken for dead
  redis.call("HSET", BEATEN, node, string.format("%.6f", now))
  redis.call("SET", MEMORY, node .. string.format(":%.6f", now), "NX")
  redis.call("PUBLISH", NODE .. node, cjson.encode({ beat = beats }))
  answer.beats, answer.memory, answer.nodes = beats, redis.call("GET", MEMORY), {}
  if remembered ~= "" and remembered ~= answer.memory then
    redis.call("SET", SETTLING, node, "PX", tonumber(ARGV[9]))
  end
  local nodes = redis.call("HGETALL", NODES)
  for index = 1, #nodes, 2 do answer.nodes[nodes[index]] = tonumber(nodes[index + 1]) end
  answer.grave = redis.call("SRANDMEMBER", GRAVES) or nil
  for _, key in ipairs({ NODES, BEATEN, TOLD, OCCUPANCY, DEADLINES, GRAVES, MEMORY, AT .. node }) do
    redis.call("EXPIRE", key, LIFETIME_S)
  end
  local scanned = redis.call("SSCAN", AT .. node, ARGV[10], "COUNT", 50)
  for _, name in ipairs(scanned[2]) do redis.call("EXPIRE", ROOM .. name, LIFETIME_S) end
  answer.cursor = scanned[1]
end

-- After Redis lost everything: this node is still telling it who is there.
local function settle()
  if redis.call("EXISTS", SETTLING) == 1 then redis.call("PEXPIRE", SETTLING, tonumber(ARGV[8])) end
end

-- A node that has not beaten since, or stops, is no more: give up its seats in up to so many rooms.
local function bury()
  local dead, beats, most = ARGV[8], ARGV[9], tonumber(ARGV[10])
  if dead == node then redis.call("HSET", BEATEN, dead, string.format("%.6f", now)) end
  if dead == node or redis.call("HGET", NODES, dead) == beats then
    redis.call("HDEL", NODES, dead)
    redis.call("SADD", GRAVES, dead)
  end
  answer.left = 0
  if redis.call("SISMEMBER", GRAVES, dead) == 0 then return end
  local since = tonumber(redis.call("HGET", BEATEN, dead) or now)
  each_room(redis.call("SRANDMEMBER", AT .. dead, most), function(room)
    for _, seat in ipairs({ unpack(room.seats) }) do
      if seat.connection and node_of(seat.connection) == dead then lose(room, seat.connection, since) end
    end
    redis.call("SREM", AT .. dead, room.name)
  end)
  answer.left = redis.call("SCARD", AT .. dead)
  if answer.left == 0 then
    redis.call("SREM", GRAVES, dead)
    for _, key in ipairs({ BEATEN, TOLD }) do redis.call("HDEL", key, dead) end
  end
end

-- An invite for one person is whose who showed it first.
local function spend()
  local invite, owner, lifetime_s = SPENT .. ARGV[8], ARGV[9], tonumber(ARGV[10])
  redis.call("SET", invite, owner, "NX", "EX", math.max(1, lifetime_s))
  answer.owner = redis.call("GET", invite)
end

local function occupancy()
  local counted = redis.call("HMGET", OCCUPANCY, "rooms", "members")
  answer.rooms, answer.members = tonumber(counted[1] or 0), tonumber(counted[2] or 0)
end

local function publish()
  local by_node = {}
  for _, order in ipairs(orders) do
    local its = node_of(order[3])
    by_node[its] = by_node[its] or {}
    table.insert(by_node[its], order)
  end
  for its, theirs in pairs(by_node) do
    local told = redis.call("HINCRBY", TOLD, its, 1)
    if its == node then answer.told = told end
    redis.call("PUBLISH", NODE .. its, cjson.encode({ told = told, orders = theirs }))
  end
end

local whole = { due = due, beat = beat, settle = settle, bury = bury, spend = spend, occupancy = occupancy }
if is_late() then
  answer.refused = "late"
elseif whole[operation] then
  whole[operation]()
else
  local room = load(ARGV[8])
  operations[operation](room)
  save(room)
end
if node ~= "" then publish() else answer.orders = orders end
local soonest = redis.call("ZRANGE", DEADLINES, 0, 0, "WITHSCORES")[2]
answer.due = soonest and math.max(0, tonumber(soonest) - now) or nil
answer.now = now
return cjson.encode(answer)
