// SPDX-License-Identifier: Apache-2.0

/**
 * A topic filter as a broker reads it (MQTT 5, 4.7): `+` stands for one level, a last `#` for the level above it and all below; a filter that begins with
 * a wildcard does not match topics that begin with `$`. Of a shared subscription (`$share/group/filter`) the filter counts. Throws TypeError
 * for what is no filter. Matching takes time linear in the topic.
 */
export function compileTopicFilter(filter: string): (topic: string) => boolean {
  if (typeof filter !== 'string') throw new TypeError(`topic filter: give a text, not ${typeof filter}`)
  const shared = /^\$share\/([^/+#]+)\/(.+)$/su.exec(filter)
  const text = shared?.[2] ?? filter
  const levels = text.split('/')
  const isWrong = (level: string, index: number): boolean =>
    level === '#' ? index !== levels.length - 1 : level.length > 1 && /[+#]/.test(level)
  if (text === '' || text.includes('\0') || /^\$share(\/|$)/.test(text) || levels.some(isWrong))
    throw new TypeError(
      `topic filter: ${JSON.stringify(filter)} is none; + takes a whole level, # the last one`,
    )
  if (!/[+#]/.test(text)) return (topic) => topic === text
  const isOpen = levels.at(-1) === '#'
  const fixed = isOpen ? levels.slice(0, -1) : levels
  const beginsWild = /^[+#]/.test(text)
  return (topic) => {
    if (beginsWild && topic.startsWith('$')) return false
    const given = topic.split('/', fixed.length + 1)
    if (isOpen ? given.length < fixed.length : given.length !== fixed.length) return false
    return fixed.every((level, index) => level === '+' || level === given[index])
  }
}

/** Which topics are meant: some filters, all or none, or what a function says. */
export type TopicChoice = boolean | string | readonly string[] | ((topic: string) => boolean)

/** Throws TypeError naming `option` for anything else. */
export function compileTopicChoice(option: string, choice: TopicChoice): (topic: string) => boolean {
  if (typeof choice === 'boolean') return () => choice
  if (typeof choice === 'function') return choice
  const filters: unknown = typeof choice === 'string' ? [choice] : choice
  if (!Array.isArray(filters)) throw new TypeError(`${option}: give topic filters, true, false or a function`)
  try {
    const rules = filters.map(compileTopicFilter)
    return (topic) => rules.some((rule) => rule(topic))
  } catch (error) {
    throw new TypeError(`${option}: ${(error as Error).message}`, { cause: error })
  }
}
