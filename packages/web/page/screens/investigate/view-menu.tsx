// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Checkbox, Dialog, DialogTrigger, Popover } from 'react-aria-components'
import {
  columnsFor,
  knownColumns,
  moved,
  usualColumns,
  type Column,
  type ColumnName,
} from '../../model/columns.ts'
import type { Investigation } from '../../model/investigation.ts'
import { Button } from '../../parts/button.tsx'
import type { ChangeInvestigation } from './investigate.tsx'
import { Choice } from '../../parts/choice.tsx'
import menu from '../../parts/popover-menu.module.css'
import styles from './view-menu.module.css'

/** How rows are shown: order, height, values beside them, and the columns of the pane with the most room. All of it stands in the address. */
export function ViewMenu({
  investigation,
  onChange,
}: {
  readonly investigation: Investigation
  readonly onChange: ChangeInvestigation
}): ReactNode {
  const { pane, order, density, facets, columns } = investigation
  const own = columns[pane]
  const change = (next: readonly Column[]): void => {
    if (next.length > 0) onChange({ columns: { ...columns, [pane]: next } })
  }
  const absent = columnsFor(pane).filter((name) => !own.some((column) => column.name === name))
  return (
    <DialogTrigger>
      <Button>View</Button>
      <Popover placement="bottom end" className={menu['popover'] ?? ''}>
        <Dialog className={menu['dialog'] ?? ''} aria-label="How rows are shown">
          <Choice
            name="First"
            values={{ newest: 'Newest', oldest: 'Oldest' }}
            value={order}
            onChange={(value) => onChange({ order: value === 'oldest' ? 'oldest' : 'newest', isLive: false })}
          />
          <Choice
            name="Rows"
            values={{ set: 'Default', close: 'Compact', roomy: 'Roomy' }}
            value={density ?? 'set'}
            onChange={(value) => onChange({ density: value === 'close' || value === 'roomy' ? value : null })}
          />
          <Choice
            name="Values"
            values={{ auto: 'Automatic', shown: 'Shown', hidden: 'Hidden' }}
            value={facets === null ? 'auto' : facets ? 'shown' : 'hidden'}
            onChange={(value) => onChange({ facets: value === 'auto' ? null : value === 'shown' })}
          />
          <h3>Columns</h3>
          <ul className={styles['columns']} aria-label="Columns">
            {own.map(({ name }, index) => (
              <li key={name} className={styles['column']}>
                <Check
                  name={name as ColumnName}
                  isShown
                  onChange={() => change(own.filter((each) => each.name !== name))}
                />
                <Button
                  look="quiet"
                  aria-label={`${knownColumns[name as ColumnName].title} further to the front`}
                  isDisabled={index === 0}
                  onPress={() => change(moved(own, name, -1))}
                >
                  ↑
                </Button>
                <Button
                  look="quiet"
                  aria-label={`${knownColumns[name as ColumnName].title} further to the back`}
                  isDisabled={index === own.length - 1}
                  onPress={() => change(moved(own, name, 1))}
                >
                  ↓
                </Button>
              </li>
            ))}
            {absent.map((name) => (
              <li key={name} className={styles['column']}>
                <Check
                  name={name}
                  isShown={false}
                  onChange={() => change([...own, { name, width: knownColumns[name].width }])}
                />
              </li>
            ))}
          </ul>
          <Button look="quiet" onPress={() => change(usualColumns[pane])}>
            Reset the columns
          </Button>
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}

function Check({
  name,
  isShown,
  onChange,
}: {
  readonly name: ColumnName
  readonly isShown: boolean
  readonly onChange: () => void
}): ReactNode {
  return (
    <Checkbox className={styles['check'] ?? ''} isSelected={isShown} onChange={onChange}>
      <span className={styles['box']} aria-hidden="true">
        {isShown ? '✓' : ''}
      </span>
      {knownColumns[name].title}
    </Checkbox>
  )
}
