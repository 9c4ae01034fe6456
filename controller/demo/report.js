"use strict";
// The playhead follows whichever recording plays; a click in a lane seeks in that lane's recording.
const timeline = document.querySelector(".timeline");
const scroller = document.querySelector(".scroller");
const playhead = document.querySelector(".playhead");
const names = document.querySelector(".lane-names");
const players = [...document.querySelectorAll("audio")];
const pixelsPerSecond = Number(timeline.dataset.pixelsPerSecond);
let current = players[0];

function place() {
  const x = (current.currentTime + Number(current.dataset.offset)) * pixelsPerSecond;
  playhead.setAttribute("transform", `translate(${x.toFixed(1)})`);
  return x;
}

function follow(player) {
  if (player !== current || player.paused) return;
  const x = place();
  const seen = scroller.clientWidth;
  if (x < scroller.scrollLeft || x > scroller.scrollLeft + seen * 0.9) scroller.scrollLeft = x - seen * 0.1;
  requestAnimationFrame(() => follow(player));
}

for (const player of players) {
  player.addEventListener("play", () => {
    current = player;
    for (const other of players) if (other !== player) other.pause();
    follow(player);
  });
  player.addEventListener("seeking", () => {
    if (current.paused) current = player;
    if (player === current) place();
  });
}

timeline.addEventListener("click", (event) => {
  if (!current) return;
  const bounds = timeline.getBoundingClientRect();
  const second = (event.clientX - bounds.left) / pixelsPerSecond;
  const y = event.clientY - bounds.top;
  const hit = players.find((one) => y >= Number(one.dataset.top) && y < Number(one.dataset.bottom)) || current;
  const going = !current.paused;
  if (hit !== current) current.pause();
  current = hit;
  current.currentTime = Math.max(0, second - Number(current.dataset.offset));
  place();
  if (going) current.play();
});

// The lanes' names stay in sight while the time line scrolls.
scroller.addEventListener("scroll", () => names.setAttribute("transform", `translate(${scroller.scrollLeft})`));
