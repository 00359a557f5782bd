"""The 53 agencies of the demo city, named after those of Beijing's municipal government."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoAgency:
    """``code`` is ASCII of at most 32 bytes, unique permanently. ``local_name`` is the Chinese short name."""

    code: str
    name: str
    local_name: str


_ROWS = """
general-office            | General Office                              | 市政府办公厅
development-reform        | Development and Reform Commission           | 市发展和改革委员会
education                 | Education Commission                        | 市教育委员会
science-technology        | Science and Technology Commission           | 市科学技术委员会
economy-information       | Bureau of Economy and Information           | 市经济和信息化局
ethnic-religious-affairs  | Ethnic and Religious Affairs Commission     | 市民族宗教事务委员会
public-security           | Public Security Bureau                      | 市公安局
civil-affairs             | Civil Affairs Bureau                        | 市民政局
justice                   | Bureau of Justice                           | 市司法局
finance                   | Bureau of Finance                           | 市财政局
human-resources           | Human Resources and Social Security Bureau  | 市人力资源和社会保障局
planning-resources        | Planning and Natural Resources Commission   | 市规划和自然资源委员会
ecology-environment       | Ecology and Environment Bureau              | 市生态环境局
housing-construction      | Housing and Urban-Rural Construction Commission | 市住房和城乡建设委员会
urban-management          | Urban Management Commission                 | 市城市管理委员会
transport                 | Commission of Transport                     | 市交通委员会
water                     | Water Authority                             | 市水务局
agriculture-rural-affairs | Bureau of Agriculture and Rural Affairs     | 市农业农村局
commerce                  | Commerce Bureau                             | 市商务局
culture-tourism           | Bureau of Culture and Tourism               | 市文化和旅游局
health                    | Health Commission                           | 市卫生健康委员会
veterans-affairs          | Bureau of Veterans Affairs                  | 市退役军人事务局
emergency-management      | Emergency Management Bureau                 | 市应急管理局
market-regulation         | Administration for Market Regulation        | 市市场监督管理局
audit                     | Audit Bureau                                | 市审计局
foreign-affairs           | Foreign Affairs Office                      | 市人民政府外事办公室
state-assets              | State-owned Assets Supervision Commission   | 市人民政府国有资产监督管理委员会
radio-television          | Radio and Television Bureau                 | 市广播电视局
cultural-heritage         | Cultural Heritage Bureau                    | 市文物局
sports                    | Bureau of Sports                            | 市体育局
statistics                | Bureau of Statistics                        | 市统计局
landscape-forestry        | Gardening and Greening Bureau               | 市园林绿化局
financial-regulation      | Local Financial Administration              | 市地方金融管理局
intellectual-property     | Intellectual Property Office                | 市知识产权局
defence-mobilisation      | National Defence Mobilisation Office        | 市国防动员办公室
petitions                 | Office for Letters and Calls                | 市信访办公室
medical-insurance         | Healthcare Security Administration          | 市医疗保障局
drug-administration       | Medical Products Administration             | 市药品监督管理局
government-services       | Government Services and Data Administration | 市政务服务和数据管理局
urban-law-enforcement     | Urban Management Law Enforcement Bureau     | 市城市管理综合行政执法局
taxation                  | Tax Service                                 | 国家税务总局北京市税务局
meteorology               | Meteorological Service                      | 市气象局
tobacco-monopoly          | Tobacco Monopoly Administration             | 市烟草专卖局
postal-administration     | Postal Administration                       | 市邮政管理局
communications            | Communications Administration               | 市通信管理局
earthquake                | Earthquake Agency                           | 市地震局
fire-rescue               | Fire and Rescue Brigade                     | 市消防救援总队
housing-provident-fund    | Housing Provident Fund Management Centre    | 北京住房公积金管理中心
chinese-medicine          | Administration of Traditional Chinese Medicine | 市中医管理局
prison-administration     | Prison Administration                       | 市监狱管理局
grain-reserves            | Grain and Material Reserves Bureau          | 市粮食和物资储备局
major-projects            | Major Projects Construction Office          | 市重大项目建设指挥部办公室
offices-administration    | Government Offices Administration           | 市机关事务管理局
"""


def _agency(row: str) -> DemoAgency:
    code, name, local_name = (cell.strip() for cell in row.split("|"))
    return DemoAgency(code, name, local_name)


AGENCIES = tuple(_agency(row) for row in _ROWS.strip().splitlines())
"""The agencies in the order of admission: the first is agency 1."""
