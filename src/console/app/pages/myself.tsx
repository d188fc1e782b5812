import { Screen } from '../components/screen.tsx'

export const MyselfPage = () => <Screen title="Myself" />
