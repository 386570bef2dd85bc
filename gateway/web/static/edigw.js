// What pages can do without, and are nicer with: times in the viewer's zone, copying, picking rows.
(() => {
  "use strict";
  const each = (root, selector, act) => root.querySelectorAll(selector).forEach(act);
  const options = {
    minute: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
    second: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    day: { day: "numeric", month: "short" },
  };

  function times(root) {
    each(root, "time[data-form]", (one) => {
      const at = new Date(one.dateTime);
      if (one.dataset.form in options && !Number.isNaN(at.getTime())) {
        const year = at.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
        const form = { ...options[one.dataset.form], ...year };
        one.textContent = new Intl.DateTimeFormat(undefined, form).format(at);
      }
      delete one.dataset.form;
    });
  }

  function copyButtons(root) {
    if (!navigator.clipboard) return;
    each(root, "button.copy[hidden]", (button) => {
      button.hidden = false;
      const said = button.querySelector("span");
      const label = said.textContent;
      button.addEventListener("click", async () => {
        const source = button.dataset.copy
          ? document.getElementById(button.dataset.copy)
          : button.parentElement.querySelector("pre");
        try {
          await navigator.clipboard.writeText("value" in source ? source.value : source.innerText);
          said.textContent = "Copied";
        } catch {
          said.textContent = "Select and copy by hand";
        }
        setTimeout(() => { said.textContent = label; }, 2000);
      });
    });
  }

  function picking(root) {
    each(root, "input.pickall", (all) => {
      all.hidden = false;
      const scope = all.form || all.closest(".scroll");
      const boxes = () => [...all.closest("table").querySelectorAll("td.pick input")];
      const count = () => {
        const picked = boxes().filter((one) => one.checked).length;
        all.checked = picked > 0 && picked === boxes().length;
        all.indeterminate = picked > 0 && !all.checked;
        each(scope, ".picked", (one) => {
          one.textContent = picked ? `${picked} selected` : one.dataset.none;
        });
      };
      all.addEventListener("change", () => {
        boxes().forEach((one) => { one.checked = all.checked; });
        count();
      });
      all.closest("table").addEventListener("change", (event) => {
        if (event.target !== all) count();
      });
      count();
    });
  }

  function ready(root) {
    times(root);
    copyButtons(root);
    picking(root);
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !field && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.getElementById("search");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
    if (event.key === "Escape") {
      const open = event.target.closest("details.menu[open], details.confirm[open]");
      if (open) {
        open.open = false;
        open.querySelector("summary").focus();
      }
    }
  });
  document.addEventListener("click", (event) => {
    each(document, "details.menu[open]", (one) => {
      if (!one.contains(event.target)) one.open = false;
    });
  });
  // A line of X12 that is jumped to shows what is in it.
  function opened() {
    const place = document.getElementById(location.hash.slice(1));
    if (place && place.matches("details")) place.open = true;
  }
  addEventListener("hashchange", opened);
  document.addEventListener("htmx:after:swap", () => ready(document));
  ready(document);
  each(document, ".tabs [aria-current]", (one) => { one.closest(".tabs").scrollLeft = one.offsetLeft - 40; });
  opened();
})();
