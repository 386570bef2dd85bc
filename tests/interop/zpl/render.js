// Draws every label of a ZPL file: node render.js MODULES FILE WIDTH HEIGHT DOTS, PNGs as base64, one a line.
const [modules, file, ...size] = process.argv.slice(2);
const { ready } = require(`${modules}/node_modules/zpl-renderer-js`);
ready.then(async ({ api }) => {
  const zpl = require("fs").readFileSync(file, "utf8");
  const found = await api.zplToBase64MultipleAsync(zpl, ...size.map(Number));
  process.stdout.write(found.join("\n"), () => process.exit(0));
});
