// SPDX-License-Identifier: Apache-2.0
import { keyTable } from '../model/keys.ts'
import { blank, line, type Line } from '../model/line.ts'
import { fit, wrap } from '../model/text.ts'
import { commandsForHelp, filterNames } from './commands.ts'

/** Keys and commands, from the tables that give them their meaning. */
export function helpLines(columns: number): readonly Line[] {
  const name = 20
  const entry = (label: string, summary: string): readonly Line[] =>
    wrap(summary, Math.max(20, columns - name - 1)).map((text, index) =>
      line({ text: fit(index === 0 ? label : '', name), style: 'strong' }, { text: ` ${text}` }),
    )
  return [
    line({ text: 'Keys', style: 'marked' }),
    ...keyTable.flatMap(({ label, summary }) => entry(label, summary)),
    blank,
    line({ text: 'Commands', style: 'marked' }),
    ...commandsForHelp.flatMap((each) =>
      entry(`:${each.name}${each.takes === undefined ? '' : ` ${each.takes}`}`, each.summary),
    ),
    ...entry(':<filter> <value>', `sets a filter, or drops it without a value: ${filterNames.join(', ')}`),
    blank,
    ...wrap(
      'Signs: ✗ before a row says that its hash or link does not hold. Times are UTC. Characters that would act on the terminal are written out.',
      columns,
    ).map((text) => line({ text, style: 'quiet' })),
  ]
}
