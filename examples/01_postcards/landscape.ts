/** How large a picture is. */
const [width, height] = [600, 400];

/** A landscape for a text, as layers of SVG from back to front. The same text, the same landscape. */
export function landscape(text: string): readonly string[] {
  const random = randomOf(text);
  const hue = 190 + Math.floor(random() * 150); // from blue over violet to red
  const color = (shift: number, saturation: number, lightness: number): string =>
    `hsl(${(hue + shift) % 360} ${saturation}% ${lightness}%)`;
  const lake = color(20, 45, 30);
  const light = "hsl(44 95% 88%)";
  const horizon = height * (0.6 + random() * 0.15);
  const size = Math.min(32, Math.floor(1000 / text.length));
  const sun = { x: width * (0.15 + random() * 0.7), y: horizon * (0.35 + random() * 0.5) };

  return [
    // The sky,
    `<linearGradient id="sky" x2="0" y2="1"><stop stop-color="${color(0, 55, 42)}"/>` +
    `<stop offset="1" stop-color="${color(55, 80, 78)}"/></linearGradient>` +
    `<rect width="${width}" height="${height}" fill="url(#sky)"/>`,
    // the sun with its halo,
    [90, 62, 40].map((r, index) =>
      `<circle cx="${round(sun.x)}" cy="${round(sun.y)}" r="${r}" fill="${light}" ` +
      `opacity="${[0.15, 0.3, 1][index]}"/>`
    ).join(""),
    // two ridges,
    ridge(random, horizon - 70, 46, color(15, 35, 52)),
    ridge(random, horizon - 20, 34, color(5, 40, 36)),
    // a lake with the light of the sun on it,
    `<rect y="${round(horizon)}" width="${width}" height="${height}" fill="${lake}"/>` +
    Array.from({ length: 14 }, (_, row) => {
      const length = (14 - row) * 5 * (0.5 + random());
      const [x, y] = [sun.x - length / 2 + (random() - 0.5) * 20, horizon + 6 + row * 9];
      return `<rect x="${round(x)}" y="${round(y)}" width="${round(length)}" height="3" rx="1.5" ` +
        `fill="${light}" opacity="0.55"/>`;
    }).join(""),
    // birds,
    Array.from({ length: 3 + Math.floor(random() * 4) }, () => {
      const [x, y, size] = [random() * width, 30 + random() * horizon * 0.4, 5 + random() * 7];
      const wing = `q${round(size / 2)} ${round(-size)} ${round(size)} 0`;
      return `<path d="M${round(x)} ${round(y)}${wing}${wing}" fill="none" ` +
        `stroke="${color(0, 40, 20)}" stroke-width="2"/>`;
    }).join(""),
    // and the words.
    `<text x="${width / 2}" y="${height - 26}" text-anchor="middle" fill="white" ` +
    `font-family="Georgia, serif" font-style="italic" font-size="${size}">${escape(text)}</text>`,
  ];
}

/** A picture of some layers. */
export function svg(layers: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">${layers}</svg>`;
}

function ridge(random: () => number, y: number, rough: number, fill: string): string {
  const waves = [1, 2.3, 5.1].map((rate) => ({ rate, phase: random() * 7, size: rough / rate }));
  let line = "";
  for (let x = 0; x <= width; x += 12) {
    const rise = waves.map(({ rate, phase, size }) => size * Math.sin(x / 90 * rate + phase));
    line += `L${x} ${round(y - rise.reduce((sum, it) => sum + it))}`;
  }
  return `<path d="M0 ${height}${line}L${width} ${height}Z" fill="${fill}"/>`;
}

/** Numbers from 0 to 1 that depend on nothing but the text: FNV-1a, then mulberry32. */
function randomOf(text: string): () => number {
  let state = 0x811c9dc5;
  for (const character of text) {
    state = Math.imul(state ^ character.codePointAt(0)!, 0x01000193);
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let it = Math.imul(state ^ (state >>> 15), 1 | state);
    it = (it + Math.imul(it ^ (it >>> 7), 61 | it)) ^ it;
    return ((it ^ (it >>> 14)) >>> 0) / 2 ** 32;
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
