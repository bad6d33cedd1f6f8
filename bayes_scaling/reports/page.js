// Saves numbers and figures from the page, and folds long tables on a phone; nothing is fetched.
(() => {
  const save = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };

  // Numbers: as they are, or one line for each: where it stands, what it is, its value.
  const text = document.getElementById("numbers").textContent;
  const lines = (value, path) => value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([name, inner]) => lines(inner, [...path, name]))
    : [[path.slice(0, -1).join("/"), path.at(-1), value]];
  const quoted = cell => `"${String(cell ?? "").replaceAll('"', '""')}"`;
  const csv = () => [["where", "quantity", "value"], ...lines(JSON.parse(text), [])]
    .map(row => row.map(quoted).join(",")).join("\r\n");
  document.getElementById("downloads").hidden = false;
  document.querySelectorAll("[data-numbers]").forEach(each => each.addEventListener("click", () => {
    const kind = each.dataset.numbers;
    save(`report.${kind}`, new Blob([kind === "json" ? text : csv()], { type: kind === "json" ? "application/json" : "text/csv" }));
  }));

  // Figures: the SVG, or the same as a PNG of three times its size.
  const decoded = source => Uint8Array.from(atob(source.split(",")[1]), letter => letter.charCodeAt(0));
  document.querySelectorAll("figure").forEach((figure, place) => {
    const image = figure.querySelector("img"), caption = figure.querySelector("figcaption");
    const name = `${figure.closest("section").id}-${place + 1}`;
    const tools = document.createElement("span");
    tools.className = "save";
    tools.append(
      " ",
      button("SVG", () => save(`${name}.svg`, new Blob([decoded(image.src)], { type: "image/svg+xml" }))),
      " ",
      button("PNG", async () => {
        const drawn = new Image();
        drawn.src = image.src;
        await drawn.decode();
        const canvas = document.createElement("canvas");
        canvas.width = 3 * drawn.naturalWidth;
        canvas.height = 3 * drawn.naturalHeight;
        canvas.getContext("2d").drawImage(drawn, 0, 0, canvas.width, canvas.height);
        canvas.toBlob(blob => save(`${name}.png`, blob));
      }),
    );
    caption.append(tools);
  });

  // On a phone a table shows the row that was asked for, and the others on demand.
  const phone = matchMedia("(max-width: 34rem)");
  document.querySelectorAll("table.asked").forEach(table => {
    const more = button("all rows", () => { table.classList.remove("folded"); more.hidden = true; });
    more.hidden = !phone.matches;
    table.classList.toggle("folded", phone.matches);
    table.after(more);
  });
  // The contents are open beside the text, and closed above it.
  if (!matchMedia("(min-width: 78rem)").matches) document.querySelector("nav details").open = false;
})();
