// Circles in a graph of files.

/**
 * One circle for each group of files that all reach each other: the shortest through its first
 * file, which stands at both ends.
 * @param graph for each file those that it imports
 */
export function circlesIn(graph) {
  const circles = [];
  const grouped = new Set();
  for (const start of graph.keys()) {
    if (grouped.has(start)) continue;
    const circle = shortestCircle(graph, start);
    if (circle === undefined) continue;
    for (const path of graph.keys()) {
      if (isReached(graph, start, path) && isReached(graph, path, start)) grouped.add(path);
    }
    circles.push(circle);
  }
  return circles;
}

const isReached = (graph, from, to) => from === to || pathBetween(graph, from, to) !== undefined;

function shortestCircle(graph, start) {
  const path = pathBetween(graph, start, start);
  return path === undefined ? undefined : [start, ...path];
}

/** The shortest way from a file to another, or back to itself, without its start; breadth first. */
function pathBetween(graph, from, to) {
  const cameFrom = new Map();
  const pending = [from];
  for (const path of pending) {
    for (const next of graph.get(path) ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, path);
      if (next === to) return unwind(cameFrom, from, to);
      pending.push(next);
    }
  }
  return undefined;
}

function unwind(cameFrom, from, to) {
  const way = [to];
  for (let path = cameFrom.get(to); path !== from; path = cameFrom.get(path)) way.unshift(path);
  return way;
}
