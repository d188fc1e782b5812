/** A value by its labels. */
type Sample = readonly [Readonly<Record<string, string>>, number]

/** Counts since the start, by a word. */
export const counts = () => {
  const known = new Map<string, number>()
  return {
    add: (word: string): void => void known.set(word, (known.get(word) ?? 0) + 1),
    samples: (label: string): readonly Sample[] =>
      [...known].map(([word, count]) => [{ [label]: word }, count] as const),
  }
}

type Counts = Pick<ReturnType<typeof counts>, 'samples'>

/** The metrics of controllers, read at each scrape; without controllers, none has a value. */
export const controllerMetrics = ({
  states,
  commands,
  reports,
}: {
  readonly states: () => Promise<readonly string[]>
  readonly commands: Counts
  readonly reports: Counts
}) => [
  {
    name: 'secure_lock_controllers',
    help: 'Controllers: `online`, `offline`, or `forked` if they are no longer trusted',
    labels: ['state'],
    read: async (): Promise<readonly Sample[]> => {
      const all = await states()
      return all.length === 0
        ? []
        : ['online', 'offline', 'forked'].map((state) => [
            { state },
            all.filter((one) => one === state).length,
          ])
    },
  },
  {
    name: 'secure_lock_controller_commands_total',
    help: 'Commands: `sent` to a controller, `offline` or `withdrawn` if none got it, `unheard` without a report in time',
    labels: ['outcome'],
    read: () => commands.samples('outcome'),
  },
  {
    name: 'secure_lock_controller_reports_total',
    help: 'Reports of controllers by what they say, such as `unlocked` or `opened_unasked`; `forked` if one shows a copied key',
    labels: ['result'],
    read: () => reports.samples('result'),
  },
]
