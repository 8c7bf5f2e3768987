/** The page at `/`: which room, and under which name. */

import { element } from "./elements.js";
import { recall, remember } from "./memory.js";
import { ROOM_NAME_RULE, checkRoomName, cleanDisplayName } from "./names.js";

const room = element("room", HTMLInputElement);
const name = element("name", HTMLInputElement);
const problem = element("problem", HTMLElement);

name.value = recall("name");

element("enter", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = checkRoomName(room.value.trim());
  room.setAttribute("aria-invalid", String(chosen === null));
  problem.textContent = chosen === null ? ROOM_NAME_RULE : "";
  if (chosen === null) {
    room.focus();
    return;
  }
  remember("name", cleanDisplayName(name.value));
  location.assign(`/r/${encodeURIComponent(chosen)}`);
});
