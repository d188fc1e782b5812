import { Screen } from '../components/screen.tsx'

export const TodayPage = () => <Screen title="Today" />
