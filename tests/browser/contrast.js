// Returns every visible text whose contrast with its ground is below WCAG 2.2 AA. Walks up to the first opaque
// background and blends translucent ones on the way, as a reader's eye does.
const parse = (colour) => {
  const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
  const scale = colour.startsWith("color(") ? 255 : 1;
  return [red * scale, green * scale, blue * scale, alpha];
};
const over = (above, below) => [0, 1, 2].map((i) => above[i] * above[3] + below[i] * (1 - above[3])).concat(1);
const luminance = (colour) => {
  const [red, green, blue] = colour.slice(0, 3).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ground = (element) => {
  const layers = [];
  for (let node = element; node; node = node.parentElement) {
    const colour = parse(getComputedStyle(node).backgroundColor);
    layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255, 1]);
};

const weak = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let text = texts.nextNode(); text; text = texts.nextNode()) {
  const element = text.parentElement;
  const unseen = element.closest("script, style, .unseen, .skip, dialog:not([open])") || !element.getClientRects().length;
  if (!text.data.trim() || unseen) continue;
  const drawing = element.closest("svg");
  const style = getComputedStyle(element);
  const back = ground(drawing ? drawing.parentElement : element);
  const ink = over(parse(drawing ? style.fill : style.color), back);
  const [light, dark] = [luminance(ink), luminance(back)].sort((a, b) => b - a);
  const ratio = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) weak.push([ratio.toFixed(2), text.data.trim().slice(0, 40), String(ink), String(back)]);
}
return weak;
