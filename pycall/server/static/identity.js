/** The key that a page shows in all its connections of one stay in a room; as pycall/client/identity.py. */

/** As long as a browser allows: a page may wait in a room for weeks. */
const VALID_MS = 365 * 24 * 3_600_000;

/**
 * Make one: by it the other end knows a new connection as ours (RFC 8826 section 4.3.2.1).
 * @returns {Promise<RTCCertificate[]>} none where the browser cannot; then each connection has another one
 */
export async function makeIdentity() {
  const kind = { name: "ECDSA", namedCurve: "P-256", expires: VALID_MS };
  try {
    return [await RTCPeerConnection.generateCertificate(kind)];
  } catch (error) {
    console.warn("Each connection has a key of its own:", error);
    return [];
  }
}
