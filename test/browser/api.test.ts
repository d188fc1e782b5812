import { describe } from 'bun:test'
import { IS_LEFT_OUT, useBrowser, visit } from './chromium.ts'
import { DESK } from './looks.ts'
import { testSwagger, useOwnedService } from './swagger.ts'

const browser = useBrowser()
const service = useOwnedService()

describe.skipIf(IS_LEFT_OUT)(`Swagger UI on a desk of ${DESK.width} px in the light`, () => {
  testSwagger('desk', service, () =>
    visit(browser(), service().url, { viewport: DESK, colorScheme: 'light' }),
  )
})
