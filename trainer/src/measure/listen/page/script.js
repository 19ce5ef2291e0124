"use strict";

const form = document.querySelector("#clips");
const clips = [...document.querySelectorAll(".clip")];
const players = clips.map((clip) => clip.querySelector("audio"));
const answers = [...document.querySelectorAll("#key tbody tr")];
const key = document.querySelector("#key");
/** The clip that the keys are about. */
let current = -1;

const guess = (clip) => clip.querySelector("input:checked")?.value;

function showProgress() {
  const judged = clips.filter(guess).length;
  document.querySelector("#progress").textContent = `${judged} of ${clips.length} judged`;
}

/** Plays a clip from its start, and brings it where it can be seen. */
function play(index) {
  if (!players[index]) return;
  players[index].currentTime = 0;
  players[index].play();
  players[index].focus({ preventScroll: true });
  clips[index].scrollIntoView({ block: "center" });
}

/** The probability that guessing gets at least so many of n right. */
function chance(right, n) {
  let sum = 0;
  let ways = 1;
  for (let k = 0; k <= n; k++) {
    if (k >= right) sum += ways;
    ways = (ways * (n - k)) / (k + 1);
  }
  return sum / 2 ** n;
}

/** Compares what was said with the answers. Nothing can be changed from then on. */
function showScore() {
  for (const input of form.querySelectorAll("input")) input.disabled = true;
  const judged = { drummer: 0, machine: 0 };
  const wrong = { drummer: 0, machine: 0 };
  answers.forEach((row, index) => {
    const said = guess(clips[index]);
    const kind = row.dataset.kind;
    const isRight = said === kind;
    row.querySelector(".guess").textContent = said ? `${said} ${isRight ? "✓" : "✗"}` : "–";
    if (!said) return;
    judged[kind] += 1;
    wrong[kind] += isRight ? 0 : 1;
    row.className = isRight ? "right" : "wrong";
  });
  const n = judged.drummer + judged.machine;
  const right = n - wrong.drummer - wrong.machine;
  document.querySelector("#score").textContent =
    n === 0
      ? "You have judged none of the loops."
      : `You were right about ${right} of ${n}. Guessing does at least as well with a probability of ` +
        `${(100 * chance(right, n)).toPrecision(2)} %. You took ${wrong.drummer} of ${judged.drummer} drummers for ` +
        `machines, and ${wrong.machine} of ${judged.machine} machines for drummers.`;
}

players.forEach((player, index) => {
  player.addEventListener("play", () => {
    current = index;
    for (const other of players) if (other !== player) other.pause();
  });
});
clips.forEach((clip, index) => {
  clip.addEventListener("focusin", () => {
    current = index;
  });
});
form.addEventListener("change", showProgress);
key.addEventListener("toggle", () => {
  if (key.open) showScore();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const pressed = event.key.toLowerCase();
  const kind = { d: "drummer", m: "machine" }[pressed];
  if (pressed === "n") play(current + 1);
  else if (pressed === "p") play(current - 1);
  else if (kind) clips[current]?.querySelector(`input[value=${kind}]`).click();
  else return;
  event.preventDefault();
});
showProgress();
