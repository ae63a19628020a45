// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Button, Tag, TagGroup, TagList } from 'react-aria-components'
import { queryParts } from 'fasten/reader/remote'
import { meaningOf, turned, withoutPart } from '../../model/question-parts.ts'
import { isPhrase, type PlainQuestion } from '../../model/plain-question.ts'
import type { Investigation } from '../../model/investigation.ts'
import { Button as PlainButton } from '../../parts/button.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './chips.module.css'

/**
 * The question in its parts, and in words. A part goes away by its cross, by Backspace or by Delete; a press on it, or Enter, turns it from what is asked for into what is
 * left out and back; a phrase is offered as the question that it seems to be.
 */
export function Chips({
  investigation,
  plain,
  onChange,
}: {
  readonly investigation: Investigation
  /** What the text means if it is taken for plain words; undefined while that is not known. */
  readonly plain: PlainQuestion | undefined
  readonly onChange: (changes: Partial<Investigation>) => void
}): ReactNode {
  const { text, order } = investigation
  const parts = queryParts(text)
  const remove = (keys: ReadonlySet<string | number>): void => {
    const gone = parts.filter((_, index) => keys.has(index))
    onChange({ text: gone.reduceRight((rest, part) => withoutPart(rest, part), text) })
  }
  const offered = plain !== undefined && isPhrase(text) && plain.understood.length > 0 ? plain : undefined
  return (
    <div className={styles['chips']}>
      {parts.length === 0 ? null : (
        <TagGroup aria-label="Parts of the question" onRemove={remove}>
          <TagList className={styles['list'] ?? ''}>
            {parts.map((part, index) => {
              const { name, value, from, isExcluded } = part
              const opposite = turned(text, part)
              const spoken = `${isExcluded ? 'not ' : ''}${name} ${value}`
              return (
                <Tag
                  key={`${from}-${name}`}
                  id={index}
                  textValue={spoken}
                  className={styles['chip'] ?? ''}
                  data-excluded={isExcluded}
                  {...(opposite === undefined ? {} : { onAction: () => onChange({ text: opposite }) })}
                >
                  {isExcluded ? <span className={styles['not']}>not</span> : null}
                  <span className={styles['name']}>{name === 'q' ? 'contains' : name}</span>
                  <PlainText>{value}</PlainText>
                  <Button slot="remove" className={styles['remove'] ?? ''} aria-label={`Take away ${spoken}`}>
                    ×
                  </Button>
                </Tag>
              )
            })}
          </TagList>
        </TagGroup>
      )}
      <p className={styles['meaning']}>
        <PlainText>{meaningOf(investigation, order)}</PlainText>
      </p>
      {offered === undefined ? null : (
        <div className={styles['offer']}>
          <PlainButton
            look="quiet"
            onPress={() =>
              onChange({
                text: offered.text,
                ...(offered.since === undefined
                  ? {}
                  : { since: offered.since, until: offered.until ?? null }),
              })
            }
          >
            Ask it as <code>{offered.text === '' ? 'everything' : offered.text}</code>
          </PlainButton>
          <span className={styles['understood']}>
            <PlainText>{offered.understood.map(({ said, as }) => `“${said}” is ${as}`).join('; ')}</PlainText>
          </span>
        </div>
      )}
    </div>
  )
}
