// SPDX-License-Identifier: Apache-2.0
import { useId, type ReactNode } from 'react'
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components'
import menu from './popover-menu.module.css'

/** A row of words of which one holds, in a menu that pops over. */
export function Choice({
  name,
  values,
  value,
  onChange,
}: {
  readonly name: string
  readonly values: Readonly<Record<string, string>>
  readonly value: string
  readonly onChange: (value: string) => void
}): ReactNode {
  const id = useId()
  return (
    <div className={menu['choice']}>
      <span id={id}>{name}</span>
      <ToggleButtonGroup
        aria-labelledby={id}
        selectionMode="single"
        disallowEmptySelection
        selectedKeys={[value]}
        onSelectionChange={([chosen]) => onChange(String(chosen))}
        className={menu['group'] ?? ''}
      >
        {Object.entries(values).map(([each, label]) => (
          <ToggleButton key={each} id={each} className={menu['option'] ?? ''}>
            {label}
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
    </div>
  )
}
