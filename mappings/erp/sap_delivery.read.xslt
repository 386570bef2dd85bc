<?xml version="1.0" encoding="UTF-8"?>
<!-- DELVRY03 to 07 as ship notices. Handling units (E1EDL37) are cartons; their items (E1EDL44) name items of the
     delivery (E1EDL24) by POSNR, and these the order of the customer (E1EDL41, 001). The sold-to party (AG) names the
     partner; the carrier (SP) has its SCAC as PARTNER_ID. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns="urn:edi-gateway:ship_notice:1">

  <xsl:template match="/">
    <documents xmlns="urn:edi-gateway:documents:1"><xsl:apply-templates select="/*/IDOC/E1EDL20"/></documents>
  </xsl:template>

  <xsl:template match="E1EDL20">
    <xsl:variable name="control" select="../EDI_DC40"/>
    <xsl:variable name="delivery" select="."/>
    <!-- Nothing that is shipped is left out: what has no place in the notice stops it. Items of quantity 0, such as the
         main items of split batches, are not shipped by themselves. -->
    <xsl:for-each select="E1EDL24[not(number(LFIMG) = 0)]">
      <xsl:variable name="item" select="."/>
      <xsl:variable name="packed" select="$delivery/E1EDL37/E1EDL44[POSNR = $item/POSNR]"/>
      <xsl:if test="not($packed)">
        <xsl:message terminate="yes">Delivery <xsl:value-of select="$delivery/VBELN"/>: item <xsl:value-of select="POSNR"/> (<xsl:value-of select="MATNR"/>) is in no handling unit (E1EDL37); pack it in SAP, and send the delivery again.</xsl:message>
      </xsl:if>
      <xsl:if test="LFIMG and not($packed[VEMEH != $item/VRKME]) and format-number(sum($packed/VEMNG), '0.###') != format-number(LFIMG, '0.###')">
        <xsl:message terminate="yes">Delivery <xsl:value-of select="$delivery/VBELN"/>: of item <xsl:value-of select="POSNR"/> (<xsl:value-of select="MATNR"/>) <xsl:value-of select="LFIMG"/> are delivered, and <xsl:value-of select="format-number(sum($packed/VEMNG), '0.###')"/> are in handling units; pack all in SAP, and send the delivery again.</xsl:message>
      </xsl:if>
      <xsl:if test="not(E1EDL41[QUALI = '001']/BSTNR)">
        <xsl:message terminate="yes">Delivery <xsl:value-of select="$delivery/VBELN"/>: item <xsl:value-of select="POSNR"/> (<xsl:value-of select="MATNR"/>) names no order of the customer (E1EDL41, 001, BSTNR).</xsl:message>
      </xsl:if>
    </xsl:for-each>
    <xsl:for-each select="E1EDL37/E1EDL44[POSNR and not(POSNR = $delivery/E1EDL24/POSNR)]">
      <xsl:message terminate="yes">Delivery <xsl:value-of select="$delivery/VBELN"/>: handling unit <xsl:value-of select="../EXIDV"/> holds item <xsl:value-of select="POSNR"/>, which the delivery does not have (E1EDL24).</xsl:message>
    </xsl:for-each>
    <ship_notice>
      <xsl:if test="E1ADRM1[PARTNER_Q = 'AG']/PARTNER_ID">
        <partner_id>
          <xsl:value-of select="translate(E1ADRM1[PARTNER_Q = 'AG']/PARTNER_ID, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"/>
        </partner_id>
      </xsl:if>
      <xsl:if test="$control/TEST = 'X'"><test>true</test></xsl:if>
      <shipment_id><xsl:value-of select="VBELN"/></shipment_id>
      <purpose>original</purpose>
      <created_at>
        <xsl:call-template name="date"><xsl:with-param name="text" select="$control/CREDAT"/></xsl:call-template>
        <xsl:value-of select="concat('T', substring($control/CRETIM, 1, 2), ':', substring($control/CRETIM, 3, 2))"/>
      </created_at>
      <structure>order_carton_item</structure>
      <xsl:if test="E1EDT13[QUALF = '006']">
        <ship_date>
          <xsl:call-template name="date"><xsl:with-param name="text" select="E1EDT13[QUALF = '006']/NTANF"/></xsl:call-template>
        </ship_date>
      </xsl:if>
      <xsl:if test="E1EDT13[QUALF = '007']">
        <estimated_delivery>
          <xsl:call-template name="date"><xsl:with-param name="text" select="E1EDT13[QUALF = '007']/NTANF"/></xsl:call-template>
        </estimated_delivery>
      </xsl:if>
      <xsl:if test="BOLNR"><bill_of_lading><xsl:value-of select="BOLNR"/></bill_of_lading></xsl:if>
      <xsl:if test="E1ADRM1[PARTNER_Q = 'SP']"><carrier><scac><xsl:value-of select="E1ADRM1[PARTNER_Q = 'SP']/PARTNER_ID"/></scac></carrier></xsl:if>
      <measurements>
        <cartons><xsl:value-of select="count(E1EDL37)"/></cartons>
        <xsl:if test="BTGEW">
          <weight_type>gross</weight_type>
          <weight>
            <value><xsl:value-of select="normalize-space(BTGEW)"/></value>
            <uom>
              <xsl:choose>
                <xsl:when test="GEWEI = 'KGM' or GEWEI = 'KG'">KG</xsl:when>
                <xsl:when test="GEWEI = 'LBR' or GEWEI = 'LB'">LB</xsl:when>
                <xsl:when test="string-length(GEWEI) = 2"><xsl:value-of select="GEWEI"/></xsl:when>
                <xsl:otherwise><xsl:message terminate="yes">Weight of delivery <xsl:value-of select="VBELN"/>: unit <xsl:value-of select="GEWEI"/> is not known; write its X12 code into the stylesheet, as it has KG for KGM.</xsl:message></xsl:otherwise>
              </xsl:choose>
            </uom>
          </weight>
        </xsl:if>
      </measurements>
      <parties>
        <xsl:for-each select="E1ADRM1[PARTNER_Q = 'WE']">
          <party>
            <role>ship_to</role>
            <id_scheme>buyer_assigned</id_scheme>
            <id><xsl:value-of select="PARTNER_ID"/></id>
            <xsl:if test="NAME1"><name><xsl:value-of select="NAME1"/></name></xsl:if>
          </party>
        </xsl:for-each>
      </parties>
      <orders>
        <xsl:for-each select="E1EDL24/E1EDL41[QUALI = '001']/BSTNR">
          <xsl:variable name="order" select="."/>
          <xsl:if test="not(../../preceding-sibling::E1EDL24/E1EDL41[QUALI = '001' and BSTNR = $order])">
            <order>
              <po_number><xsl:value-of select="$order"/></po_number>
              <cartons>
                <xsl:for-each select="$delivery/E1EDL37[E1EDL44/POSNR = $delivery/E1EDL24[E1EDL41[QUALI = '001']/BSTNR = $order]/POSNR]">
                  <carton>
                    <sscc><xsl:value-of select="EXIDV"/></sscc>
                    <items>
                      <xsl:for-each select="E1EDL44">
                        <xsl:variable name="packed" select="."/>
                        <xsl:for-each select="$delivery/E1EDL24[POSNR = $packed/POSNR][E1EDL41[QUALI = '001']/BSTNR = $order]">
                          <item>
                            <line_no><xsl:value-of select="E1EDL41[QUALI = '001']/POSEX | POSNR[not(../E1EDL41/POSEX)]"/></line_no>
                            <ids>
                              <xsl:if test="KDMAT"><id type="asin"><xsl:value-of select="KDMAT"/></id></xsl:if>
                              <id type="vendor_sku"><xsl:value-of select="MATNR"/></id>
                              <xsl:if test="EAN11"><id type="ean"><xsl:value-of select="EAN11"/></id></xsl:if>
                            </ids>
                            <quantity>
                              <value><xsl:value-of select="normalize-space($packed/VEMNG)"/></value>
                              <uom>
                                <xsl:choose>
                                  <xsl:when test="$packed/VEMEH = 'PCE'">EA</xsl:when>
                                  <xsl:when test="$packed/VEMEH = 'CS'">CA</xsl:when>
                                  <xsl:when test="string-length($packed/VEMEH) = 2"><xsl:value-of select="$packed/VEMEH"/></xsl:when>
                                  <xsl:otherwise><xsl:message terminate="yes">Item <xsl:value-of select="POSNR"/>: unit <xsl:value-of select="$packed/VEMEH"/> is not known; write its X12 code into the stylesheet, as it has EA for PCE.</xsl:message></xsl:otherwise>
                                </xsl:choose>
                              </uom>
                            </quantity>
                          </item>
                        </xsl:for-each>
                      </xsl:for-each>
                    </items>
                  </carton>
                </xsl:for-each>
              </cartons>
            </order>
          </xsl:if>
        </xsl:for-each>
      </orders>
    </ship_notice>
  </xsl:template>

  <xsl:template name="date">
    <xsl:param name="text"/>
    <xsl:value-of select="concat(substring($text, 1, 4), '-', substring($text, 5, 2), '-', substring($text, 7, 2))"/>
  </xsl:template>
</xsl:stylesheet>
