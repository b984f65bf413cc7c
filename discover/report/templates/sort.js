// Click on a column's header sorts its table; a second click turns the order round. Unknown values stay last.
document.querySelectorAll("th[data-sort] button").forEach((button) => {
  button.addEventListener("click", () => {
    const header = button.closest("th");
    const column = header.cellIndex;
    const numeric = header.dataset.sort === "number";
    const up = header.getAttribute("aria-sort") !== "ascending";
    const body = header.closest("table").tBodies[0];
    const key = (row) => row.cells[column].dataset.value ?? "";
    const compare = (a, b) => {
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      const order = numeric ? key(a) - key(b) : key(a).localeCompare(key(b));
      return up ? order : -order;
    };
    body.append(...Array.from(body.rows).sort(compare));
    header.parentElement.querySelectorAll("th").forEach((th) => th.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
  });
});
