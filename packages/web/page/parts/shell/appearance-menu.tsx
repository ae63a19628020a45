// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Dialog, DialogTrigger, Popover, ToggleButton, ToggleButtonGroup } from 'react-aria-components'
import { Button } from '../button.tsx'
import { useSettings, type Settings } from '../settings.tsx'
import styles from './appearance-menu.module.css'

const choices = {
  theme: { name: 'Theme', values: { system: 'System', light: 'Light', dark: 'Dark' } },
  zone: { name: 'Times', values: { utc: 'UTC', local: 'Local' } },
  density: { name: 'Rows', values: { close: 'Close', roomy: 'Roomy' } },
} as const satisfies Record<keyof Settings, { name: string; values: Record<string, string> }>

/** Theme, time zone and density, each a row of words of which one holds. */
export function AppearanceMenu(): ReactNode {
  return (
    <DialogTrigger>
      <Button look="quiet">Appearance</Button>
      <Popover placement="right bottom" className={styles['popover'] ?? ''}>
        <Dialog className={styles['dialog'] ?? ''} aria-label="Appearance">
          <Choice of="theme" />
          <Choice of="zone" />
          <Choice of="density" />
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}

function Choice({ of }: { readonly of: keyof Settings }): ReactNode {
  const { settings, change } = useSettings()
  const { name, values } = choices[of]
  return (
    <div className={styles['choice']}>
      <span id={`appearance-${of}`}>{name}</span>
      <ToggleButtonGroup
        aria-labelledby={`appearance-${of}`}
        selectionMode="single"
        disallowEmptySelection
        selectedKeys={[settings[of]]}
        onSelectionChange={([chosen]) => change({ [of]: chosen })}
        className={styles['group'] ?? ''}
      >
        {Object.entries(values).map(([value, label]) => (
          <ToggleButton key={value} id={value} className={styles['option'] ?? ''}>
            {label}
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
    </div>
  )
}
