// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Dialog, DialogTrigger, Popover } from 'react-aria-components'
import { Button } from '../button.tsx'
import { Choice } from '../choice.tsx'
import menu from '../popover-menu.module.css'
import { useSettings, type Settings } from '../settings.tsx'

const choices = {
  theme: { name: 'Theme', values: { system: 'System', light: 'Light', dark: 'Dark' } },
  zone: { name: 'Times', values: { utc: 'UTC', local: 'Local' } },
  density: { name: 'Rows', values: { close: 'Compact', roomy: 'Roomy' } },
} as const satisfies Record<keyof Settings, { name: string; values: Record<string, string> }>

/** Theme, time zone and density, each a row of words of which one holds. */
export function AppearanceMenu(): ReactNode {
  return (
    <DialogTrigger>
      <Button look="quiet">Appearance</Button>
      <Popover placement="right bottom" className={menu['popover'] ?? ''}>
        <Dialog className={menu['dialog'] ?? ''} aria-label="Appearance">
          <Setting of="theme" />
          <Setting of="zone" />
          <Setting of="density" />
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}

function Setting({ of }: { readonly of: keyof Settings }): ReactNode {
  const { settings, change } = useSettings()
  const { name, values } = choices[of]
  return (
    <Choice
      name={name}
      values={values}
      value={settings[of]}
      onChange={(chosen) => change({ [of]: chosen })}
    />
  )
}
