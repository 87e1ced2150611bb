// The listening copy of a song: asked for where it is not there yet.

const ASK_AGAIN_MS = [150, 250, 400, 700];

// Return a promise of the address of the sound.
export async function findSound(address, signal) {
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  let answer = await ask(address, { method: "POST", headers: { "X-CSRFToken": token }, signal });
  for (let asked = 0; ["queued", "running"].includes(answer.state); asked += 1) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS[Math.min(asked, ASK_AGAIN_MS.length - 1)]));
    answer = await ask(answer.status, { signal });
  }
  if (!answer.sound) throw new Error(answer.sentence);
  return answer.sound;
}

async function ask(address, { headers = {}, ...options }) {
  const answer = await fetch(address, { ...options, headers: { ...headers, Accept: "application/json" } });
  if (answer.redirected || !(answer.ok || answer.status === 409)) throw new Error(answer.status);
  return answer.json();
}
