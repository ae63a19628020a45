// SPDX-License-Identifier: Apache-2.0

/**
 * Says what is going on while somebody waits, on stderr so that stdout stays the job's own. A terminal sees one line that
 * is rewritten with the seconds; anything else (CI, a pipe) sees plain lines: the first at once, then one every ten seconds.
 *
 * @param {string} what what is being done, as in "installing dependencies"
 * @param {{ write(text: string): unknown, isTTY?: boolean }} [out]
 */
export function startProgress(what, out = process.stderr) {
  const started = performance.now()
  const isLive = out.isTTY === true && !process.env['CI']
  let detail = ''
  const line = () => `${what}${detail === '' ? '' : `: ${detail}`} (${seconds(started)})`
  if (!isLive) out.write(`${what}…\n`)
  const timer = setInterval(
    () => out.write(isLive ? `\r\x1b[2K${line()}` : `${line()}\n`),
    isLive ? 100 : 10_000,
  )
  timer.unref()
  const end = (/** @type {string} */ text) => {
    clearInterval(timer)
    out.write(`${isLive ? '\r\x1b[2K' : ''}${text}\n`)
  }
  return {
    /** @param {string} text how far it is, as in "120 of 460 packages" */
    update(text) {
      detail = text
    },
    /** @param {string} [result] */
    done(result = detail) {
      end(`${what}: done${result === '' ? '' : `, ${result}`} (${seconds(started)})`)
    },
    failed() {
      end(`${what}: failed (${seconds(started)})`)
    },
  }
}

/** @param {number} started */
function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}
