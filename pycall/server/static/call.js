/**
 * The decisions of a stay in a room: who offers, what belongs to whom, when somebody is gone.
 *
 * It is pycall/core/call.py for somebody who stays until hanging up. Who was in the room first offers,
 * so two offers never cross. A new peer connection is a new attempt; how a call outlives its
 * connection is link.js's. There is no page in here.
 */

import * as endings from "./endings.js";
import { Link } from "./link.js";
import * as patience from "./patience.js";
import { Peers } from "./peers.js";
import { Signalling } from "./signalling.js";
import { QUIET, Standing } from "./standing.js";

/**
 * @typedef {import("./orders.js").Order} Order
 * @typedef {import("./pairing.js").Pairing} Pairing
 */

export class Call extends Standing {
  #signalling;
  #link = new Link(patience.RECONNECT_MS);
  /** @type {RTCIceServer[]} */
  #iceServers = [];
  #seated = false;
  #droppedByServer = false;
  /** Who came while the other one was perhaps only away. @type {Pairing | null} */
  #knocking = null;
  /** @type {number | null} */
  #knockAt = null;
  /** When to ask again for the seat that somebody took. @type {number | null} */
  #reseatAt = null;
  /** When the present phase has lasted too long. @type {number | null} */
  #phaseUntil = null;
  #pauseMs = patience.FIRST_PAUSE_MS;
  #timer = 0;

  /**
   * @param {string} server
   * @param {string} room
   * @param {string} name
   * @param {import("./credentials.js").Credentials} credentials
   * @param {import("./peer.js").Outgoing} outgoing
   * @param {import("./standing.js").CallListener} listener
   */
  constructor(server, room, name, credentials, outgoing, listener) {
    super(room, listener);
    this.peers = new Peers(outgoing, (attempt) => this.#reportsOf(attempt));
    this.#signalling = new Signalling(server, room, name, credentials, {
      opened: () => this.change({ reachable: true, crowded: false }),
      lost: () => this.change({ reachable: false }),
      turnedAway: () => this.change({ crowded: true }),
      joined: (joined) => this.#joined(joined),
      otherJoined: (peer, epoch, iceServers) => {
        if (iceServers.length) this.#iceServers = iceServers;
        this.#otherJoined({ peer, epoch, offering: true });
      },
      otherLeft: (id, reason) => this.#otherLeft(id, reason),
      renewed: (epoch, iceServers) => {
        if (iceServers.length) this.#iceServers = iceServers;
        this.#do(this.#link.renewed(epoch, iceServers, performance.now()));
      },
      full: () => this.#unseated(endings.roomFull(room)),
      notLetIn: (sentence, code) => this.#unseated(sentence, code),
      refused: (sentence) => {
        if (this.phase === "joining") this.#finish("refused", sentence);
        else this.listener.noticed(sentence);
      },
      messageReceived: (message) => this.#received(message),
    });
  }

  /** What is received; `null` while there is nobody. */
  get stream() {
    return this.phase === "connected" ? this.peers.stream : null;
  }

  /** The network of this computer is another, or it woke from sleep. */
  networkChanged() {
    if (this.phase === "ended") return;
    this.#signalling.dialAnew();
    if (this.phase === "waiting") this.#do(this.#link.open(this.#iceServers, performance.now())); // gather what there is now
    else this.#do(this.#link.networkChanged(performance.now(), true));
  }

  /** End it, on purpose. */
  hangUp() {
    this.#finish("hangup");
  }

  // The room

  /** @param {import("./hearsay.js").Joined} joined */
  #joined({ peer, epoch, iceServers, resumed, offering }) {
    this.#iceServers = iceServers;
    this.#seated = true;
    this.#reseatAt = null;
    const pairing = peer ? { peer, epoch, offering } : null;
    if (this.phase === "connected") return this.#joinedAgain(pairing, resumed); // it outlived its connection to the server
    if (this.phase === "connecting" && resumed) {
      if (!pairing) return this.#peerGone("lost");
      if (this.#isPeer(pairing)) return this.#do(this.#link.resumed(pairing, iceServers, performance.now()));
    }
    if (this.phase === "joining" && resumed && pairing) return this.#backAfterReload(pairing);
    this.#open();
    if (pairing) this.#pair(pairing);
    this.change({});
  }

  /**
   * We are in the room again, in the middle of a call.
   * @param {Pairing | null} pairing with who is there now
   * @param {boolean} resumed
   */
  #joinedAgain(pairing, resumed) {
    if (!pairing) {
      this.#droppedByServer = resumed; // a seat of ours that is fresh tells nothing of the other one
      this.#link.unpair();
      this.#lostIfSilent();
    } else if (!this.#isPeer(pairing)) {
      this.#knocked(pairing);
    } else {
      this.#droppedByServer = false;
      const now = performance.now();
      this.#do(resumed ? this.#link.resumed(pairing, this.#iceServers, now) : this.#link.adopt(pairing, now));
    }
  }

  /**
   * Our seat was kept, and the other one may still talk to the page that was here before this one.
   * @param {Pairing} pairing
   */
  #backAfterReload(pairing) {
    if (!pairing.peer.renews || pairing.epoch === null) {
      this.#signalling.leave(); // it knows of newcomers only
      this.#signalling.join();
      return;
    }
    this.#open();
    this.#pair(pairing);
    this.#signalling.renew(pairing.epoch);
  }

  /** @param {Pairing} pairing */
  #otherJoined(pairing) {
    if (this.phase === "joining") return;
    if (this.phase === "connected") return this.#joinedAgain(pairing, false); // or it is, at a server that forgot it
    if (this.phase === "connecting") this.#open();
    this.#pair(pairing);
  }

  /**
   * Somebody else has the other seat: the media of the one we talk to decides when it is gone.
   * @param {Pairing} pairing
   */
  #knocked(pairing) {
    this.#knocking = pairing;
    this.#link.unpair();
    this.#lostIfSilent();
  }

  /** @param {Pairing} pairing */
  #pair(pairing) {
    this.#knocking = this.#knockAt = null;
    this.#phaseUntil = performance.now() + patience.CONNECT_MS;
    this.change({ peer: pairing.peer, phase: "connecting" });
    this.#do(this.#link.pair(pairing, this.#iceServers, performance.now()));
  }

  /**
   * @param {string} id
   * @param {"left" | "lost"} reason
   */
  #otherLeft(id, reason) {
    if (this.#knocking?.peer.id === id) {
      this.#knocking = this.#knockAt = null;
      this.#droppedByServer = true;
    } else if (this.peer?.id === id) {
      if (reason === "lost" && this.phase === "connected") {
        this.#droppedByServer = true; // its media decides whether it is gone
        return this.#lostIfSilent();
      }
      this.#peerGone(reason);
    }
  }

  /** @param {string} why */
  #unseated(why, refusal = "") {
    const wasSeated = this.#seated;
    this.#seated = false;
    if (this.phase === "connected") {
      if (this.#reseatAt === null) this.listener.noticed(endings.SEAT_TAKEN);
      this.#reseatAt = performance.now() + patience.RESEAT_MS;
      this.#setTimer();
    } else if (wasSeated) {
      this.#rejoin();
    } else {
      this.refusal = refusal;
      this.#finish("refused", why);
    }
  }

  /** @param {Pairing} pairing */
  #isPeer(pairing) {
    return pairing.peer.id === this.peer?.id;
  }

  // The two ends

  /** @param {import("./messages.js").Message} message */
  #received(message) {
    if (!this.#link.isOpen) return;
    if (this.phase === "waiting" && message.type === "offer") {
      // A plain server does not tell who was there first.
      this.#pair({ peer: { id: "", name: "", renews: false }, epoch: message.epoch, offering: false });
    }
    this.#do(this.#link.received(message, performance.now()));
  }

  /**
   * What becomes of what an attempt's connection reports.
   * @param {number} attempt
   * @returns {import("./peers.js").Reports}
   */
  #reportsOf(attempt) {
    /** @param {(link: Link, now: number) => Order[] | void} report */
    const when = (report) => {
      if (this.#link.owns(attempt)) this.#do(report(this.#link, performance.now()) ?? []);
    };
    return {
      described: (type, sdp, nonce) => when((link) => link.described(attempt, type, sdp, nonce)),
      gathered: (candidate) => when((link) => link.gathered(attempt, candidate)),
      connected: (path) => when(() => this.#connected(attempt, path)),
      pathChanged: (path) => when((link) => link.pathChanged(attempt, path)),
      failed: (why) => when(() => this.#broke(attempt, () => this.#failed(why))),
      closed: () => {
        // Of one who renews it is no goodbye yet: it begins anew, or the server tells that it left.
        if (this.phase === "connecting" && this.peer?.renews) return;
        when(() => this.#broke(attempt, () => this.#peerGone("left")));
      },
      control: (control) => {
        if (control.type === "bye") this.#peerGone("left");
        else this.change({ theirs: control });
      },
      answered: (roundTripMs) => this.change({ roundTripMs }),
      heard: () => when((link, now) => link.heard(attempt, now)),
      silent: (ms) =>
        when((link, now) => {
          this.#do(link.silentFor(attempt, ms, now));
          this.#lostIfSilent();
        }),
    };
  }

  /**
   * @param {number} attempt
   * @param {import("./orders.js").Path} path
   */
  #connected(attempt, path) {
    this.#do(this.#link.connected(attempt, path, performance.now()));
    if (this.phase !== "connecting") return;
    this.#phaseUntil = null;
    this.#pauseMs = patience.FIRST_PAUSE_MS;
    this.change({ phase: "connected", path, connectedAt: performance.now() });
  }

  /**
   * @param {number} attempt
   * @param {() => void} otherwise nothing can replace it
   */
  #broke(attempt, otherwise) {
    const replaced = this.#link.broke(attempt, performance.now());
    if (!replaced) return otherwise();
    this.#do(replaced);
    this.#lostIfSilent();
  }

  /** Nobody to build another connection with: the server has somebody else in its seat, or nobody. */
  #lostIfSilent() {
    if (this.phase !== "connected" || !(this.#droppedByServer || this.#knocking)) return;
    if (this.#link.silence(performance.now()) >= patience.SILENCE_AFTER_BYE_MS) this.#peerGone("lost");
  }

  // Endings

  #wake() {
    const now = performance.now();
    if (this.#knocking && this.#knockAt !== null && now >= this.#knockAt) {
      this.#pair(this.#knocking);
    } else if (this.#reseatAt !== null && now >= this.#reseatAt) {
      this.#reseatAt = now + patience.RESEAT_MS;
      this.#signalling.join();
    } else if (this.#phaseUntil !== null && now >= this.#phaseUntil) {
      if (this.phase === "joining") this.#ask();
      else this.#failed("nothing answered");
    } else if (this.#link.gaveUp(now)) {
      this.#finish("lost", endings.lost(this.peerWord));
    } else {
      this.#do(this.#link.tick(now));
    }
    this.#setTimer();
  }

  #setTimer() {
    clearTimeout(this.#timer);
    if (this.phase === "ended") return;
    const times = [this.#phaseUntil, this.#knockAt, this.#reseatAt, this.#link.deadline].filter((time) => time !== null);
    if (times.length) this.#timer = setTimeout(() => this.#wake(), Math.min(...times) - performance.now());
  }

  /**
   * The other one left or vanished: wait for the next.
   * @param {"left" | "lost"} reason
   */
  #peerGone(reason) {
    const [word, knocking] = [this.peerWord, this.#knocking];
    if (this.#seated) this.#open();
    else this.#ask();
    this.listener.noticed(reason === "left" ? endings.left(word) : endings.lost(word));
    if (!knocking || !this.#seated) return;
    this.#knocking = knocking;
    this.#knockAt = performance.now() + patience.KNOCK_MS;
    this.#setTimer();
  }

  /** @param {string} why */
  #failed(why) {
    const ending = this.phase === "connected" ? endings.broken : endings.noConnection;
    this.listener.noticed(ending(this.peerWord, why));
    this.#signalling.leave();
    this.#rejoin();
  }

  /** Take a fresh seat, after a pause. */
  #rejoin() {
    this.#close("joining");
    this.#phaseUntil = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, patience.LONGEST_PAUSE_MS);
    this.#setTimer();
  }

  /** Ask for a seat, now. */
  #ask() {
    this.#close("joining");
    this.#signalling.join();
  }

  /**
   * @param {import("./standing.js").Ending} ending
   * @param {string} problem
   */
  #finish(ending, problem = "") {
    if (this.phase === "ended") return;
    Object.assign(this, { ending, problem });
    this.#close("ended", { farewell: true });
    this.#signalling.close();
  }

  // Attempts

  /** A fresh connection, ready for whoever comes. */
  #open() {
    this.#close("waiting");
    this.#do(this.#link.open(this.#iceServers, performance.now()));
  }

  /**
   * Have nothing left of the call there was.
   * @param {import("./standing.js").Phase} phase
   */
  #close(phase, { farewell = false } = {}) {
    this.#do(this.#link.close({ farewell }));
    this.peers.receiveAnew();
    this.#droppedByServer = false;
    this.#knocking = this.#knockAt = this.#reseatAt = this.#phaseUntil = null;
    this.change({ phase, peer: null, theirs: QUIET, reconnecting: false, roundTripMs: null, path: null, verdict: null });
  }

  /** @param {Order[]} orders */
  #do(orders) {
    for (const order of orders) this.#carryOut(order);
    this.#setTimer();
  }

  /** @param {Order} order */
  #carryOut(order) {
    if ("attempt" in order) return this.peers.carryOut(order);
    switch (order.order) {
      case "send":
        return this.#signalling.send(order.message);
      case "renew":
        return this.#signalling.renew(order.epoch);
      case "check":
        return this.#signalling.check();
      default:
        return this.learn(order);
    }
  }
}
