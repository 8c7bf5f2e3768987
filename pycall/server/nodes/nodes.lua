-- What nodes ask of all rooms, after room.lua: one operation, all or nothing.
--
-- Orders are published to the node of the connection they are for, in the order the rooms gave them: whatever two
-- nodes do at the same time, each node hears of it in the order in which it was done.
--
-- ARGV: operation, time (empty: that of Redis), time after which it is not done any more (empty: never), the
-- three times of seats.Holding, the asking node, and what the operation needs.
-- The answer is JSON: {now, due, told, full}, with told the number of the orders that the asking node was told, and
-- full whether who asked to join has no seat; or {now, due, refused}. Who is no node is answered the orders themselves.

local NODES = "pycall:nodes"          -- how often each node has beaten
local BEATEN = "pycall:beaten"        -- when each has, last
local TOLD = "pycall:told"            -- how many times orders were published to each
local NODE = "pycall:node:"           -- and a node: its channel
local GRAVES = "pycall:graves"        -- nodes that are no more and may have seats still
local MEMORY = "pycall:memory"        -- made by the first beat: another one tells that Redis lost everything between
local SETTLING = "pycall:settling"    -- there after that, until the nodes have told it again who is there
local SPENT = "pycall:spent:"         -- and an invite for one person: the id of who has used it

local operation, node = ARGV[1], ARGV[7]
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
