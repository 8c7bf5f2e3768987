// The plainest signalling server on Node: Socket.IO's own rooms do everything. node --expose-gc server.mjs
// Prints its port. On SIGUSR2 it collects its garbage, so that its memory can be told from its rubbish.

import http from "node:http";
import { Server } from "socket.io";

const httpServer = http.createServer();
const io = new Server(httpServer, { transports: ["websocket"], perMessageDeflate: false });

io.on("connection", (socket) => {
  let room;

  socket.on("join", (name) => {
    const count = io.sockets.adapter.rooms.get(name)?.size ?? 0;
    if (count < 2) {
      room = name;
      socket.join(room);
      socket.emit("joined", room, socket.id);
      socket.to(room).emit("other_joined", room, socket.id);
    } else {
      socket.emit("full", name);
    }
  });

  socket.on("message", (message) => {
    socket.to(room).emit("message", message);
  });

  socket.on("leave", () => {
    socket.to(room).emit("bye", room, socket.id);
    socket.emit("left", room, socket.id);
    socket.leave(room);
  });

  socket.on("disconnecting", () => {
    if (socket.rooms.has(room)) socket.to(room).emit("bye", room, socket.id);
  });
});

process.on("SIGUSR2", () => globalThis.gc());
httpServer.listen(Number(process.argv[2] ?? 0), "127.0.0.1", 1024, () => console.log(httpServer.address().port));
