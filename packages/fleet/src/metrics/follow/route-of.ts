// SPDX-License-Identifier: Apache-2.0

/**
 * What an api row is counted under. The pattern that matched, where the row has one; else its path with everything taken out that may be an id or
 * a name of somebody, because numbers are kept longer than rows and shown to more people:
 *
 *   - without a route and answered 404 or 405: `(unmatched)`, so that whoever tries addresses at random makes one line and not thousands
 *   - a part between `/` and `.` stays when it has only letters, `-` and `_`, at most 32 of them, or is a version such as `v2`; any other is `:id`
 *   - beyond eight parts: `*`
 *
 * A route that equals its path goes through the same, since some frameworks' hooks know no better. At most 200 characters.
 */
export function routeOf(row: {
  readonly route: string | null
  readonly path: string | null
  readonly status: number | undefined
}): string {
  const { route, path, status } = row
  if (route !== null && route !== '' && route !== path) return cut(route)
  if ((route === null || route === '') && (status === 404 || status === 405)) return '(unmatched)'
  return path === null ? '' : cut(templateOf(path))
}

export function templateOf(path: string): string {
  let parts = 0
  let template = ''
  for (const piece of path.slice(0, 4096).split(/([/.])/)) {
    const isSeparator = piece === '' || piece === '/' || piece === '.'
    if (!isSeparator && ++parts > partsMax) return `${template}*`
    template += isSeparator || word.test(piece) || version.test(piece) ? piece : ':id'
  }
  return template
}

const partsMax = 8
const word = /^[A-Za-z_-]{1,32}$/
const version = /^v\d{1,2}$/

/** Names that are longer than anybody reads are cut, and say so. */
export function cut(name: string): string {
  return name.length > 200 ? `${name.slice(0, 199).replace(/[\ud800-\udbff]$/, '')}…` : name
}
