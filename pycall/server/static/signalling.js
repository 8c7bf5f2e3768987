/**
 * A place at the server that outlives the connections it is reached by: wire only, no page and no media.
 *
 * It does what pycall/client/signalling does; see docs/protocol.md.
 */

import { Connection } from "./connection.js";
import { isRefusal } from "./credentials.js";
import * as hearsay from "./hearsay.js";
import { isWhole, parseMessage } from "./messages.js";
import { Outbox } from "./outbox.js";
import { Pace } from "./pace.js";
import { keepSeatToken, makeSeatToken, nextNumber, seatToken } from "./seat.js";

/** Within this the clients of a server that restarts come back. */
const JITTER_MS = 200;

/** The server cannot seat anybody now, and how long to wait before it is asked again. */
const STORE_UNAVAILABLE = "store-unavailable";
const ASK_AGAIN_MS = 1_000;

/** What the first attempt may take. */
const DIAL_MS = 10_000;

/**
 * What is heard from the server, in the past tense.
 * @typedef {object} SignallingListener
 * @property {() => void} opened the server is there and has been asked for the seat
 * @property {() => void} lost the server is gone, and dialled again
 * @property {() => void} turnedAway the server takes no more connections from this address, and is dialled again
 * @property {(joined: hearsay.Joined) => void} joined we have a seat
 * @property {(peer: hearsay.Person, epoch: number | null, iceServers: RTCIceServer[]) => void} otherJoined somebody took the other seat
 * @property {(id: string, reason: "left" | "lost") => void} otherLeft
 * @property {(epoch: number, iceServers: RTCIceServer[]) => void} renewed the pairing goes on in this epoch
 * @property {() => void} full both seats are taken
 * @property {(message: import("./messages.js").Message) => void} messageReceived
 * @property {(sentence: string) => void} refused
 * @property {(sentence: string, code: string) => void} notLetIn the rooms of this server are closed
 */

/** A seat in one room, asked for again whenever the connection to the server is new. */
export class Signalling {
  #server;
  #room;
  #name;
  #credentials;
  #listener;
  #connection;
  /** Connections that fell silent: ended when the seat is ours on another one. @type {Connection[]} */
  #abandoned = [];
  #pace = new Pace(performance.now());
  #redial = 0;
  /** A timer, while the server cannot seat us. */
  #asking = 0;
  #checking = false;
  #closed = false;
  /** Whether we have our seat on the present connection. */
  #seated = false;
  /** Whether the server knows more than the events of plain clients. */
  #extended = false;
  /** @type {number | null} */
  #epoch = null;
  /** Number of the last message to our seat; none is known of one from before the page was loaded. */
  #received = -1;
  #outbox = new Outbox();

  /**
   * @param {string} server its origin, `https://host:port`
   * @param {string} room
   * @param {string} name how the other one shall know us
   * @param {import("./credentials.js").Credentials} credentials
   * @param {SignallingListener} listener
   */
  constructor(server, room, name, credentials, listener) {
    this.#server = server;
    this.#room = room;
    this.#name = name;
    this.#credentials = credentials;
    if (credentials.invite && !seatToken()) {
      makeSeatToken();
      this.#received = 0;
    }
    this.#listener = listener;
    this.#connection = this.#dial(DIAL_MS);
  }

  /** Ask for the seat; done without being asked on each new connection. */
  join() {
    this.#connection.emit("join", [this.#room]);
  }

  /** Give up the seat, and keep the connection. */
  leave() {
    this.#stopAsking();
    this.#connection.emit("leave", [this.#room]);
    this.#seated = false;
    this.#turnTo(null);
  }

  /**
   * Say something to the other one in the room; while the server is away it is kept, until we are back on our seat
   * or have lost it.
   * @param {import("./messages.js").Message} message
   */
  send(message) {
    if (this.#extended) this.#deliver({ event: "message", args: [message, nextNumber()] });
    else this.#connection.emit("message", [message]);
  }

  /**
   * Ask that the pairing of this epoch be counted up; kept as a message is.
   * @param {number} epoch
   */
  renew(epoch) {
    if (this.#extended) this.#deliver({ event: "renew", args: [this.#room, epoch] });
  }

  /** Have the server prove that it still answers, and dial it at once if it does not. */
  check() {
    this.#pace.hurry(performance.now());
    if (this.#connection.stands) void this.#prove(this.#connection);
    else this.#dialWhenDue();
  }

  /** Dial the server at once: what was dialled on another network may be of no use, and is not worth asking. */
  dialAnew() {
    if (this.#connection.stands) this.#abandon();
    else this.#connection.close();
    this.#pace.hurry(performance.now());
    this.#dialWhenDue();
  }

  /** Leave, and end the connection; nothing is heard afterwards. */
  close() {
    this.#closed = true;
    clearTimeout(this.#redial);
    this.#stopAsking();
    this.leave();
    for (const each of [this.#connection, ...this.#abandoned]) each.close();
  }

  // The connection

  /** @param {number} timeoutMs */
  #dial(timeoutMs) {
    const token = seatToken();
    const back = token ? { resume: token, ...(this.#received < 0 ? {} : { received: this.#received }) } : {};
    const { password, invite } = this.#credentials;
    const shown = { ...(password && { password }), ...(invite && { invite }) };
    const auth = { pycall: 1, name: this.#name, ...back, ...shown };
    return new Connection(this.#server, auth, timeoutMs, {
      opened: () => {
        this.#stopAsking();
        this.join();
        this.#listener.opened();
      },
      ended: () => {
        if (this.#seated) this.#pace = new Pace(performance.now() + Math.random() * JITTER_MS);
        this.#lost();
      },
      turnedAway: () => {
        if (!this.#closed && !this.#connection.stands) this.#listener.turnedAway();
      },
      heard: (event, args) => this.#heard(event, args),
    });
  }

  #lost() {
    this.#seated = false;
    this.#listener.lost();
    this.#dialWhenDue();
  }

  #dialWhenDue() {
    clearTimeout(this.#redial);
    if (this.#closed) return;
    this.#redial = setTimeout(() => {
      this.#connection = this.#dial(this.#pace.dialled(performance.now(), 0.8 + 0.4 * Math.random()));
    }, this.#pace.next - performance.now());
  }

  /** @param {Connection} connection */
  async #prove(connection) {
    if (this.#checking || !this.#extended) return;
    this.#checking = true;
    const elsewhere = this.#room === "-" ? "_" : "-"; // leaving where one is not is confirmed, and changes nothing
    const answers = await connection.answers("leave", elsewhere);
    this.#checking = false;
    if (answers || this.#closed || connection !== this.#connection || !connection.stands) return;
    this.#abandon();
    this.#pace.hurry(performance.now());
    this.#listener.lost();
    this.#dialWhenDue();
  }

  /** Leave the connection as it is until the seat is ours on another one: its end would be the seat's, too. */
  #abandon() {
    this.#connection.abandon();
    this.#abandoned.push(this.#connection);
    this.#seated = false;
    this.#pace = new Pace(performance.now());
  }

  // What is said

  /** @param {import("./outbox.js").Letter} letter */
  #deliver(letter) {
    if (this.#outbox.put(letter) && this.#seated) this.#handOver(letter);
  }

  /** @param {import("./outbox.js").Letter} letter */
  #handOver(letter) {
    this.#connection.emit(letter.event, letter.args, (said) => {
      // What the server could not do yet is said again when it tells us that we are joined.
      if (hearsay.readCode(said) !== STORE_UNAVAILABLE) this.#outbox.confirm(letter);
    });
  }

  // What the server says

  /**
   * @param {string} event
   * @param {unknown[]} args
   */
  #heard(event, args) {
    if (event === "message") {
      this.#messageCame(args);
    } else if (event === "error" && args[0] === STORE_UNAVAILABLE) {
      this.#askAgain();
    } else if (event === "error") {
      const sentence = hearsay.readSentence(args[1]);
      if (isRefusal(args[0])) this.#listener.notLetIn(sentence, args[0]);
      else if (args[0] !== "server-stopping") this.#listener.refused(sentence);
    } else if (args[0] === this.#room) {
      this.#roomSaid(event, args[1], args[2]);
    }
  }

  /**
   * @param {string} event
   * @param {unknown} id
   * @param {unknown} about
   */
  #roomSaid(event, id, about) {
    switch (event) {
      case "joined":
        this.#joined(about);
        break;
      case "other_joined": {
        const peer = hearsay.readPerson(id, about);
        this.#turnTo(hearsay.readEpoch(about));
        if (peer) this.#listener.otherJoined(peer, this.#epoch, hearsay.readIceServers(about));
        break;
      }
      case "renewed": {
        const epoch = hearsay.readEpoch(id); // this one is about nobody
        this.#turnTo(epoch);
        if (epoch !== null) this.#listener.renewed(epoch, hearsay.readIceServers(id));
        break;
      }
      case "bye":
        this.#listener.otherLeft(String(id), hearsay.readReason(about));
        break;
      case "full":
        this.#wasAnswered();
        this.#listener.full();
        break;
      default:
    }
  }

  /** For the seat: it is as if the server were away. */
  #askAgain() {
    if (!this.#asking) this.#listener.lost();
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => this.join(), ASK_AGAIN_MS);
  }

  #wasAnswered() {
    if (this.#asking) this.#listener.opened();
    this.#stopAsking();
  }

  #stopAsking() {
    clearTimeout(this.#asking);
    this.#asking = 0;
  }

  /** @param {unknown} about */
  #joined(about) {
    this.#wasAnswered();
    const joined = hearsay.readJoined(about);
    const token = hearsay.readToken(about);
    this.#extended = token !== "";
    keepSeatToken(token);
    for (const each of this.#abandoned.splice(0)) each.close();
    if (!joined.resumed) {
      this.#received = 0;
      this.#outbox.clear();
    }
    this.#turnTo(joined.epoch);
    this.#seated = true;
    for (const letter of this.#outbox.all) this.#handOver(letter); // before anything new: numbers only go up
    this.#listener.joined(joined);
  }

  /** @param {unknown[]} args */
  #messageCame([payload, number]) {
    if (number !== undefined) {
      if (!isWhole(number) || number <= this.#received) return; // sent again: our break was noticed late
      this.#received = number;
    }
    const message = parseMessage(payload);
    if (message) this.#listener.messageReceived(message);
  }

  /**
   * What was said in another epoch, the other end would drop.
   * @param {number | null} epoch
   */
  #turnTo(epoch) {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#outbox.clear();
  }
}
